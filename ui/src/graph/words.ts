// What a step's look is called.

import { duration } from "../format/duration";
import { clock, when } from "../format/time";
import type { MarkKind } from "../parts/status";
import type { Look, LookKind } from "../run/looks";
import type { Step } from "./steps";

/** The mark of a look: a step that is ready is drawn as one whose turn has come. */
export const markOf = (kind: LookKind): MarkKind => (kind === "ready" ? "pending" : kind);

const WORDS: Record<LookKind, string> = {
  notYet: "not yet",
  waiting: "waiting for a timer",
  retrying: "retrying",
  noWorker: "no worker",
  ready: "ready",
  running: "running",
  completed: "completed",
  failed: "failed",
  failedHandled: "failed, handled",
  skipped: "skipped",
  cancelled: "cancelled",
  paused: "next after Resume",
};

export const wordOf = (kind: LookKind): string => WORDS[kind];

/**
 * What a button that shows a step says besides, for those who hear it: its name has to hold what is written on it, in one piece, so
 * this comes behind.
 */
export function besides(step: Step, look: Look): string {
  const { kind } = look.record.state;
  return ["", wordOf(look.kind), ...(kind === "completed" || kind === "failed" || kind === "skipped" ? [] : details(step, look))].join(", ");
}

/** `charge, retrying, attempt 2 of 5 failed, next at 14:04:36`. */
export function nameOfLook(step: Step, look: Look): string {
  return [step.label, wordOf(look.kind), ...details(step, look)].join(", ");
}

function details(step: Step, { kind, record }: Look): string[] {
  const { state } = record;
  switch (state.kind) {
    case "retryDelay":
      return [`attempt ${record.failedAttempts} of ${step.attemptsMax} failed`, `next at ${clock(state.until)}`];
    case "waiting":
      return [`until ${when(state.until, Date.now())}`];
    case "running":
      return step.attemptsMax > 1 ? [`attempt ${record.failedAttempts + 1} of ${step.attemptsMax}`] : [];
    case "completed":
    case "failed":
      return record.startedAt === undefined || record.endedAt === undefined ? [] : [duration(record.endedAt - record.startedAt)];
    case "skipped":
      return [skipWords(state.cause)];
    default:
      return kind === "noWorker" ? [`for ${step.action}`] : [];
  }
}

export function skipWords(cause: "condition" | "dependencies" | "notBranchedTo"): string {
  if (cause === "condition") return "condition false";
  return cause === "dependencies" ? "not reached" : "no failure led here";
}
