// An execution as its head says it is, in the form of the fold: what the screen shows until the history has been read. So that the
// answer and the graph are there after one request, however long the history is, and are never those of its first half.
//
// It is as exact as a head is: attempts and who did what come with the history.

import type { Execution as Answered, Reason, StepResult, WaitingFor } from "../api/types";
import { at, type Step, type StepGraph } from "../graph/steps";
import { begin, type Execution, type Phase, type SkipCause, status, type StepRecord, type StepState } from "./fold";

/** Why a step has not ended. */
type StepReason = Extract<Reason, { stepId: string }>;

export function executionOfHead(graph: StepGraph, head: Answered): Execution {
  const execution = begin(graph);
  const reasons = new Map(head.reasons.flatMap((reason) => ("stepId" in reason ? [[reason.stepId, reason] as const] : [])));
  execution.startedAt = head.startedAt;
  execution.seq = Math.max(1, head.lastSeq);
  execution.updatedAt = head.completedAt ?? head.serverTime;
  execution.phase = phaseOf(head);
  for (const step of graph.steps) {
    const result = head.stepResults[step.id];
    if (result !== undefined) execution.steps[step.index] = recordOf(step, at(execution.steps, step.index), result, reasons.get(step.id), head);
  }
  // Everything is untouched after a `retry`, and yet it is not as before the first attempt.
  const [first] = execution.steps;
  if (first !== undefined && head.status !== "pending" && status(graph, execution) === "pending") execution.steps[0] = { ...first, attempts: 1 };
  execution.completed = head.completedSteps.flatMap((id) => graph.byId.get(id) ?? []);
  return execution;
}

function phaseOf(head: Answered): Phase {
  const ended = head.completedAt ?? head.startedAt;
  const failure = head.error === undefined ? undefined : { message: head.error, ...(head.errorCode !== undefined && { code: head.errorCode }) };
  switch (head.status) {
    case "completed":
      return { kind: "completed", at: ended };
    case "failed":
      return { kind: "failed", at: ended, failure, stepId: head.errorStepId };
    case "cancelled":
      return { kind: "cancelled", at: ended, by: undefined };
    default: {
      const paused = head.reasons.find((reason) => reason.kind === "paused");
      return {
        kind: "active",
        paused: head.status === "paused" ? { at: paused?.since ?? head.startedAt, by: paused?.by } : undefined,
        failing: failure === undefined ? undefined : { stepId: head.errorStepId, failure },
      };
    }
  }
}

function recordOf(step: Step, untouched: StepRecord, result: StepResult, reason: StepReason | undefined, head: Answered): StepRecord {
  // `retries` counts from the second attempt on; that there was a first failure is told by its message.
  const failedAttempts = reason?.failedAttempts ?? (result.error === undefined ? 0 : result.retries + 1);
  const message = result.error ?? reason?.error;
  return {
    ...untouched,
    state: stateOf(step, result, reason, head),
    attempts: attemptsOf(result, head),
    failedAttempts: result.status === "completed" ? 0 : failedAttempts,
    startedAt: result.startedAt,
    endedAt: result.completedAt,
    failure: message === undefined ? undefined : { message },
  };
}

const hasRun = (id: string | undefined, head: Answered): boolean => id !== undefined && head.stepResults[id]?.startedAt !== undefined;

/** At least so many. What is ready again after `retry` has been tried before, although nothing of that is left in the head. */
function attemptsOf({ startedAt, retries, status }: StepResult, head: Answered): number {
  if (startedAt !== undefined) return retries + 1;
  return status === "waiting" && head.status !== "pending" ? 1 : 0;
}

const untilOf = (what: StepReason | WaitingFor | undefined): number | undefined => (what !== undefined && "until" in what ? what.until : undefined);

function stateOf(step: Step, { status: of, startedAt, completedAt, waitingFor, retries }: StepResult, reason: StepReason | undefined, head: Answered): StepState {
  const since = reason?.since ?? startedAt ?? head.startedAt;
  switch (of) {
    case "running":
      return reason?.kind === "running" ? { kind: "running", attempt: reason.attempt, since, session: reason.worker } : { kind: "running", attempt: retries + 1, since, session: undefined };
    case "completed":
      return { kind: "completed", seq: 0 };
    case "failed": {
      const { onError } = step.definition;
      // Once an execution is failing nothing is handled any more. Where the time does not tell, it is told by whether its branch ran.
      const end = head.errorStepId === undefined ? undefined : head.stepResults[head.errorStepId]?.completedAt;
      const handled = head.errorStepId !== step.id && (end === undefined || completedAt === undefined || completedAt < end || hasRun(step.definition.errorBranch, head));
      return { kind: "failed", handling: handled && onError === "continue" ? "continued" : handled && onError === "branch" ? "branched" : "unhandled", seq: 0, handler: undefined };
    }
    case "skipped":
      return { kind: "skipped", cause: causeOf(step, head), seq: 0 };
    case "cancelled":
      return { kind: "cancelled", waitUntil: untilOf(waitingFor) };
    default: {
      const until = untilOf(reason) ?? untilOf(waitingFor);
      if (until === undefined) return { kind: "ready", since };
      const retrying = reason?.kind === "retry" || waitingFor?.type === "retry";
      return { kind: retrying ? "retryDelay" : "waiting", since: completedAt ?? since, until };
    }
  }
}

/** Why it was skipped, as far as the graph gives it away. */
function causeOf(step: Step, head: Answered): SkipCause {
  const { dependsOn = [], condition } = step.definition;
  if (step.namedBy.length > 0) return "notBranchedTo";
  const allSkipped = dependsOn.length > 0 && dependsOn.every((id) => head.stepResults[id]?.status === "skipped");
  return condition !== undefined && !allSkipped ? "condition" : "dependencies";
}
