// What a step looks like at a moment: one mark for each state, so that graph, rail, timeline and inspector show the same.

import { at, type StepGraph } from "../graph/steps";
import type { Calm } from "../graph/folding";
import { type Execution, hasBranched, isPaused, isReady, type StepRecord } from "./fold";
import type { Reason } from "./reasons";

/** Names of `parts/status`. */
export type LookKind = "notYet" | "waiting" | "retrying" | "noWorker" | "ready" | "running" | "completed" | "failed" | "failedHandled" | "skipped" | "cancelled" | "paused";

export interface Look {
  readonly kind: LookKind;
  readonly record: StepRecord;
  /** Since when only a worker is missing. */
  readonly readySince: number | undefined;
  /** The moment of the past that is looked at, where something was under way then: its times stand still. */
  readonly asOf: number | undefined;
}

const OPEN: ReadonlySet<string> = new Set(["running", "waiting", "retryDelay"]);

export function looks(graph: StepGraph, execution: Execution, known: readonly Reason[], asOf?: number, before: readonly Look[] = []): Look[] {
  const noWorker = new Set(known.filter((reason) => reason.kind === "worker").map((reason) => reason.stepId));
  return graph.steps.map((step, index) => {
    const record = at(execution.steps, index);
    const kind = kindOf(graph, execution, index, record, noWorker.has(step.id));
    const readySince = kind === "ready" || kind === "noWorker" ? since(graph, execution, index, record) : undefined;
    const stands = asOf !== undefined && (readySince !== undefined || OPEN.has(record.state.kind)) ? asOf : undefined;
    const old = before[index];
    const same = old?.kind === kind && old.record === record && old.readySince === readySince && old.asOf === stands;
    return same ? old : { kind, record, readySince, asOf: stands };
  });
}

function kindOf(graph: StepGraph, execution: Execution, index: number, { state }: StepRecord, noWorker: boolean): LookKind {
  switch (state.kind) {
    case "waiting":
      return "waiting";
    case "retryDelay":
      return "retrying";
    case "failed":
      return state.handling === "unhandled" ? "failed" : "failedHandled";
    case "pending":
    case "ready": {
      const open = execution.phase.kind === "active" && execution.phase.failing === undefined;
      if (!open || !isReady(graph, execution, index)) return "notYet";
      if (isPaused(execution)) return "paused";
      return noWorker ? "noWorker" : "ready";
    }
    default:
      return state.kind;
  }
}

function since(graph: StepGraph, execution: Execution, index: number, { state }: StepRecord): number {
  if (state.kind === "ready") return state.since;
  const { dependsOn, namedBy } = at(graph.steps, index);
  return Math.max(execution.startedAt, ...[...dependsOn, ...namedBy].map((other) => at(execution.steps, other).endedAt ?? 0));
}

export function calmOf(kind: LookKind): Calm | undefined {
  return kind === "completed" || kind === "notYet" || kind === "skipped" ? kind : undefined;
}

/** The most urgent first: what a fold shows, and where the camera begins. */
const URGENCY: readonly LookKind[] = ["failed", "retrying", "noWorker", "running", "ready", "paused", "waiting", "failedHandled", "cancelled", "notYet", "skipped", "completed"];
export const urgency = (kind: LookKind): number => URGENCY.indexOf(kind);

export function mostUrgent(kinds: readonly LookKind[]): LookKind {
  return kinds.reduce((most, kind) => (urgency(kind) < urgency(most) ? kind : most), kinds[0] ?? "notYet");
}

export type EdgeLook = "open" | "taken" | "moving" | "notTaken" | "dotted";

/** How the edge into a step looks. */
export function edgeLook(kind: "dependency" | "error", from: Look, to: Look): EdgeLook {
  if (kind === "error") return hasBranched(from.record) ? (to.kind === "running" ? "moving" : "taken") : "open";
  if (to.kind === "skipped" || hasBranched(from.record) || from.kind === "skipped") return from.kind === "notYet" ? "open" : "notTaken";
  if (to.kind === "cancelled") return "dotted";
  if (to.kind === "running") return "moving";
  return to.kind === "notYet" ? "open" : "taken";
}

/** The look of an edge that stands for several: what moves shows, then what was taken. */
export function edgesLook(all: readonly EdgeLook[]): EdgeLook {
  const order: readonly EdgeLook[] = ["moving", "taken", "dotted", "notTaken", "open"];
  return order.find((look) => all.includes(look)) ?? "open";
}
