// What the answer is made of, from the fold of an execution and its graph.

import { at, type StepGraph } from "../graph/steps";
import type { AnswerFacts } from "./answer";
import { endedAt, type Execution, isReady, stepHasEnded, status } from "./fold";
import { type Reason, reasons } from "./reasons";

export function facts(graph: StepGraph, execution: Execution, known: readonly Reason[] = []): AnswerFacts {
  const { phase } = execution;
  const why = reasons(graph, execution, known);
  const first = why.find((reason) => reason.kind !== "paused")?.stepId;
  const ids = (wanted: (index: number) => boolean) => graph.order.filter(wanted).map((index) => at(graph.steps, index).id);
  const kind = (index: number) => at(execution.steps, index).state.kind;
  const after = first === undefined ? new Set<number>() : descendants(graph, graph.byId.get(first));
  return {
    status: status(graph, execution),
    startedAt: execution.startedAt,
    endedAt: endedAt(execution),
    reasons: why,
    total: graph.steps.length,
    completed: ids((index) => kind(index) === "completed"),
    skipped: graph.order.flatMap((index) => {
      const { state, receipt } = at(execution.steps, index);
      return state.kind === "skipped" ? [{ stepId: at(graph.steps, index).id, cause: state.cause, expression: receipt?.expression }] : [];
    }),
    cancelled: ids((index) => kind(index) === "cancelled"),
    handled: handled(graph, execution),
    failure: failure(graph, execution),
    notYet: ids((index) => kind(index) === "pending"),
    waitingForFirst: ids((index) => after.has(index) && kind(index) === "pending"),
    next: phase.kind === "active" ? ids((index) => isReady(graph, execution, index)) : [],
    cancelledBy: phase.kind === "cancelled" ? phase.by : undefined,
  };
}

function handled(graph: StepGraph, execution: Execution): AnswerFacts["handled"] {
  return graph.order.flatMap((index) => {
    const { state, failure } = at(execution.steps, index);
    if (state.kind !== "failed" || state.handling === "unhandled") return [];
    const step = at(graph.steps, index);
    const target = step.branchesTo === undefined ? undefined : at(graph.steps, step.branchesTo);
    const ran = target !== undefined && at(execution.steps, target.index).attempts > 0;
    return [{ stepId: step.id, error: failure?.message ?? "", how: state.handling, target: ran && state.handling === "branched" ? target.id : undefined, workflow: state.handler }];
  });
}

function failure(graph: StepGraph, execution: Execution): AnswerFacts["failure"] {
  const { phase } = execution;
  const end = phase.kind === "active" ? phase.failing : phase.kind === "failed" ? phase : undefined;
  if (end === undefined) return undefined;
  const index = end.stepId === undefined ? undefined : graph.byId.get(end.stepId);
  const attempts = index === undefined ? 0 : at(execution.steps, index).failedAttempts;
  return { stepId: end.stepId, error: end.failure?.message ?? "", attempts };
}

/** Steps that come after one, over dependencies. */
export function descendants(graph: StepGraph, from: number | undefined): Set<number> {
  const found = new Set<number>();
  const open = from === undefined ? [] : [from];
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    for (const next of at(graph.steps, step).dependents) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(next);
    }
  }
  return found;
}

export interface RetryPlan {
  /** Completed, or failed and handled: it stays as it is. */
  readonly kept: readonly string[];
  /** Runs again. */
  readonly again: readonly string[];
  /** May run after those. */
  readonly then: readonly string[];
}

/** What `retry` would do with a failed execution (SPEC §5). */
export function retryPlan(graph: StepGraph, execution: Execution): RetryPlan {
  const id = (index: number) => at(graph.steps, index).id;
  const resets = (index: number) => {
    const { state } = at(execution.steps, index);
    return state.kind === "cancelled" || (state.kind === "failed" && state.handling === "unhandled");
  };
  const again = graph.order.filter(resets);
  const then = graph.order.filter((index) => at(execution.steps, index).state.kind === "pending");
  const kept = graph.order.filter((index) => stepHasEnded(at(execution.steps, index)) && !resets(index));
  return { kept: kept.map(id), again: again.map(id), then: then.map(id) };
}
