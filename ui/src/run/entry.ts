// One entry of a history in words, and where to get the whole of it.

import { queryOptions } from "@tanstack/react-query";
import { get } from "../api/client";
import { duration } from "../format/duration";
import { oneLine } from "../format/text";
import { when } from "../format/time";
import type { MarkKind } from "../parts/status";
import { type EntryOf, failureOf, type HistoryEntry, stepIdOf } from "./history";

/** Entries never change: asked for once. */
export function entryQuery(id: string, seq: number) {
  return queryOptions({
    queryKey: ["entry", id, seq],
    queryFn: ({ signal }) => get("/executions/{id}/history/{seq}", { path: { id, seq }, signal }),
    staleTime: Infinity,
  });
}

export function markOfEntry(entry: HistoryEntry): MarkKind {
  switch (entry.type) {
    case "step_complete":
    case "complete":
      return "completed";
    case "step_fail":
      return entry.data.retryAt !== undefined ? "retrying" : entry.data.then === "continue" || entry.data.then === "branch" ? "failedHandled" : "failed";
    case "fail":
      return "failed";
    case "step_skip":
      return "skipped";
    case "cancel":
    case "step_cancel":
      return "cancelled";
    case "step_start":
      return "running";
    case "wait":
      return "waiting";
    case "pause":
      return "paused";
    case "step_interrupted":
      return "noWorker";
    case "retry":
      return "retrying";
    default:
      return "pending";
  }
}

/** What is said of it behind the step's name: `attempt 2 failed: Card network timeout`. */
export function entryWords(entry: HistoryEntry): string {
  const { type } = entry;
  const n = "attempt" in entry && entry.attempt !== undefined ? `attempt ${entry.attempt} ` : "";
  const who = "by" in entry && entry.by !== undefined ? ` by ${entry.by}` : "";
  switch (entry.type) {
    case "start": {
      const { triggeredBy } = entry.data;
      return `started${who}${triggeredBy.source === undefined ? "" : `, ${triggeredBy.type} ${triggeredBy.source}`}`;
    }
    case "step_ready":
      return readyWords(entry.data.cause) + who;
    case "step_start":
      return `${n}began`;
    case "step_complete":
      return "completed";
    case "step_fail":
      return `${n}failed: ${oneLine(entry.data.error.message, 160)}${followedBy(entry)}`;
    case "step_skip":
      return entry.data.cause === "condition" ? "skipped: its condition was false" : entry.data.cause === "notBranchedTo" ? "skipped: no failure led here" : "skipped: all before it were skipped";
    case "step_cancel":
      return "cancelled";
    case "step_interrupted":
      return entry.data.cause === "shutdown" ? `${n}interrupted: the engine was stopped` : `${n}interrupted: its worker was lost`;
    case "wait":
      return `waits until ${when(entry.data.until, entry.timestamp)}`;
    case "pause":
      return `paused${who}`;
    case "resume":
      return `resumed${who}`;
    case "retry":
      return `retried${who}: ${entry.data.reset.join(", ")}`;
    case "complete":
      return "completed";
    case "fail":
      return `failed: ${oneLine(entry.data.error.message, 160)}`;
    case "cancel":
      return `cancelled${who}`;
    default:
      // Of a server that is newer than the page.
      return type;
  }
}

function readyWords(cause: EntryOf<"step_ready">["data"]["cause"]): string {
  if (cause === "condition") return "ready: its condition was true";
  if (cause === "timer") return "ready: its wait is over";
  return cause === "runNow" ? "run now" : "ready to be tried again";
}

function followedBy({ data, timestamp }: EntryOf<"step_fail">): string {
  if (data.retryAt !== undefined) return `, again in ${duration(data.retryAt - timestamp)}`;
  if (data.then === "continue") return ", and it goes on";
  if (data.then === "branch") return ", its error branch runs";
  return data.then === "startHandler" ? `, ${data.handler ?? "a workflow"} was started` : "";
}

/** The text that a search looks in. */
export const searchable = (entry: HistoryEntry): string => `${entry.seq} ${entry.type} ${stepIdOf(entry) ?? ""} ${entryWords(entry)} ${failureOf(entry)?.code ?? ""}`.toLowerCase();
