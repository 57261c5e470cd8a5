// One line on what an execution does now or what came of it. The long form of the same is on the execution's own screen.
import type { ExecutionSummary, Reason } from "../api/types";
import { duration } from "../format/duration";
import { oneLine } from "../format/text";

export type Part = string | { code: string } | { until: number } | { since: number } | { error: string };

export function outcome(row: ExecutionSummary): Part[] {
  const reason = row.reasons[0];
  switch (row.status) {
    case "failed":
      return failed(row);
    case "completed":
      return completed(row);
    case "cancelled":
      return [steps(row)];
    case "pending":
      return reason ? [...because(reason), ...more(row)] : ["Nothing has begun yet"];
    default:
      return reason ? [...because(reason), ...more(row)] : [steps(row)];
  }
}

function failed(row: ExecutionSummary): Part[] {
  const step: Part[] = row.errorStepId === undefined ? [] : [{ code: row.errorStepId }, ": "];
  return [...step, { error: oneLine(row.error ?? "no message", 200) }];
}

function completed({ stepCounts: counts }: ExecutionSummary): Part[] {
  const unusual = [
    counts.skipped > 0 ? `${counts.skipped} skipped` : "",
    counts.failed > 0 ? `${counts.failed} failed and handled` : "",
  ].filter(Boolean);
  return [`${counts.completed} of ${counts.total} steps`, ...(unusual.length > 0 ? [` · ${unusual.join(", ")}`] : [])];
}

function steps({ stepCounts: counts }: ExecutionSummary): string {
  return `${counts.completed} of ${counts.total} steps`;
}

function more({ reasonCount }: ExecutionSummary): Part[] {
  return reasonCount > 1 ? [` · and ${reasonCount - 1} more`] : [];
}

export function because(reason: Reason): Part[] {
  const step: Part[] = "stepId" in reason ? [{ code: reason.stepId }, ": "] : [];
  switch (reason.kind) {
    case "paused":
      return reason.by === undefined ? ["Paused"] : ["Paused by ", reason.by];
    case "worker":
      return [...step, "no worker for ", { code: reason.action }];
    case "retry":
      return [...step, ...retry(reason)];
    case "running":
      return reason.slow && reason.p95Ms !== undefined
        ? [...step, "running for ", { since: reason.since }, `, usually below ${duration(reason.p95Ms)}`]
        : [...step, "running for ", { since: reason.since }, ...attempt(reason)];
    case "limit":
      return [...step, "waits for a free slot of ", { code: reason.action }];
    case "timer":
      return [...step, "waits, goes on ", { until: reason.until }];
    default:
      return ["Goes on"];
  }
}

function retry(reason: Extract<Reason, { kind: "retry" }>): Part[] {
  const error: Part[] = reason.error === undefined ? [] : [" · ", { error: oneLine(reason.error, 160) }];
  return [`attempt ${reason.attempt} of ${reason.maxAttempts} `, { until: reason.until }, ...error];
}

function attempt(reason: Extract<Reason, { kind: "running" }>): Part[] {
  return reason.attempt > 1 ? [`, attempt ${reason.attempt}`] : [];
}
