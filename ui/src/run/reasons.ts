// Why an execution has not ended yet, from its fold alone: so that the sentence on top follows each event, and can be told of any
// moment of the past. What only the engine knows (whether anybody provides an action, how long a step usually takes) is taken
// from the reasons that the server gives.

import { at, type StepGraph } from "../graph/steps";
import { type Execution, isReady, type StepRecord } from "./fold";

export interface Reason {
  readonly kind: "paused" | "worker" | "retry" | "running" | "limit" | "timer" | "ready" | (string & {});
  readonly stepId?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly attempt?: number | undefined;
  readonly maxAttempts?: number | undefined;
  readonly failedAttempts?: number | undefined;
  readonly action?: string | undefined;
  readonly by?: string | undefined;
  readonly error?: string | undefined;
  readonly worker?: string | undefined;
  readonly p95Ms?: number | undefined;
  readonly slow?: boolean | undefined;
  /** Its last attempt was lost with its worker. */
  readonly interrupted?: boolean | undefined;
}

const ORDER = ["paused", "worker", "retry", "slow", "running", "limit", "ready", "timer"];
const place = (reason: Reason): number => {
  const found = ORDER.indexOf(reason.kind === "running" && reason.slow ? "slow" : reason.kind);
  return found < 0 ? ORDER.length : found;
};

export function reasons(graph: StepGraph, execution: Execution, known: readonly Reason[] = []): Reason[] {
  const { phase } = execution;
  if (phase.kind !== "active") return [];
  const found: Reason[] = [];
  if (phase.paused !== undefined) found.push({ kind: "paused", since: phase.paused.at, by: phase.paused.by });
  const wanted = phase.paused === undefined && phase.failing === undefined;
  for (const step of graph.order) {
    const record = at(execution.steps, step);
    const running = record.state.kind === "running";
    if (!running && !wanted) continue;
    const reason = ofStep(graph, execution, step, record);
    if (reason !== undefined) found.push(withKnown(reason, known));
  }
  return found.sort((a, b) => place(a) - place(b));
}

function ofStep(graph: StepGraph, execution: Execution, index: number, record: StepRecord): Reason | undefined {
  const { id, action, attemptsMax } = at(graph.steps, index);
  const tried = record.failedAttempts > 0 ? { failedAttempts: record.failedAttempts, error: record.failure?.message } : {};
  const { state } = record;
  switch (state.kind) {
    case "running": {
      const interrupted = record.interruptions > 0 || undefined;
      return { kind: "running", stepId: id, action, since: state.since, attempt: state.attempt, maxAttempts: attemptsMax, worker: state.session, interrupted, ...tried };
    }
    case "retryDelay":
      return { kind: "retry", stepId: id, action, since: state.since, until: state.until, attempt: record.failedAttempts + 1, maxAttempts: attemptsMax, ...tried };
    case "waiting":
      return { kind: "timer", stepId: id, since: state.since, until: state.until };
    default:
      if (!isReady(graph, execution, index)) return undefined;
      return { kind: "ready", stepId: id, action, since: state.kind === "ready" ? state.since : readySince(graph, execution, index), ...tried };
  }
}

function readySince(graph: StepGraph, execution: Execution, index: number): number {
  const { dependsOn, namedBy } = at(graph.steps, index);
  return Math.max(execution.startedAt, ...[...dependsOn, ...namedBy].map((other) => at(execution.steps, other).endedAt ?? 0));
}

/** With what the server has said of the same state of the same step. */
function withKnown(reason: Reason, known: readonly Reason[]): Reason {
  const same = known.find((other) => other.stepId === reason.stepId && other.kind !== "paused");
  if (same === undefined) return reason;
  if (reason.kind === "ready" && (same.kind === "worker" || same.kind === "limit")) return { ...reason, kind: same.kind };
  if (reason.kind === "running" && same.kind === "running" && same.attempt === reason.attempt) return { ...reason, p95Ms: same.p95Ms, slow: same.slow };
  return reason;
}
