// The steps of one version of a workflow as a graph: what the page knows before anything has run. Steps are numbers here, as in
// the core: an execution is pinned to one version, whose steps never change. Nothing in here knows an execution or a pixel.

import type { WorkflowDefinition as Registered, WorkflowStep } from "../api/types";

/** A step as it is written in a definition. */
export type StepDefinition = WorkflowStep;

/** What a graph is made of; one that was not registered has no version yet. */
export type WorkflowDefinition = Pick<Registered, "id" | "steps"> & Partial<Pick<Registered, "version">>;

export interface Step {
  readonly index: number;
  readonly id: string;
  /** What people call it: the name, else the id. */
  readonly label: string;
  readonly action: string;
  readonly definition: StepDefinition;
  readonly dependsOn: readonly number[];
  readonly dependents: readonly number[];
  /** Steps whose `errorBranch` names this one; a step with any is a target. */
  readonly namedBy: readonly number[];
  /** The step that a failure branches to. */
  readonly branchesTo: number | undefined;
  /** The workflow that a failure starts, when `errorBranch` names no step. */
  readonly errorWorkflow: string | undefined;
  /** How often it is tried before it has failed: `maxRetries` and the first attempt. */
  readonly attemptsMax: number;
  /** How many steps must come before it, on the longest way. */
  readonly rank: number;
}

export interface StepGraph {
  readonly workflow: string;
  readonly version: number | undefined;
  readonly steps: readonly Step[];
  /** Every step after all that come before it: by rank, then as defined. */
  readonly order: readonly number[];
  readonly byId: ReadonlyMap<string, number>;
  readonly ranks: number;
}

/** `onError: 'retry'` retries three times unless it says otherwise (SPEC §4). */
const RETRIES_OF_RETRY = 3;

export function stepGraph(definition: WorkflowDefinition): StepGraph {
  const byId = new Map(definition.steps.map((step, index) => [step.id, index]));
  const indices = (ids: readonly string[] | undefined) =>
    (ids ?? []).flatMap((id) => {
      const index = byId.get(id);
      return index === undefined ? [] : [index];
    });
  const dependsOn = definition.steps.map((step) => indices(step.dependsOn));
  const branchesTo = definition.steps.map((step) => (step.errorBranch === undefined ? undefined : byId.get(step.errorBranch)));
  const dependents = invert(dependsOn);
  const namedBy = invert(branchesTo.map((target) => (target === undefined ? [] : [target])));
  const before = dependsOn.map((steps, index) => [...steps, ...at(namedBy, index)]);
  const ranks = longestPaths(before);

  const steps = definition.steps.map((step, index): Step => {
    const target = branchesTo[index];
    return {
      index,
      id: step.id,
      label: step.name ?? step.id,
      action: step.action,
      definition: step,
      dependsOn: at(dependsOn, index),
      dependents: at(dependents, index),
      namedBy: at(namedBy, index),
      branchesTo: target,
      errorWorkflow: target === undefined ? step.errorBranch : undefined,
      attemptsMax: (step.maxRetries ?? (step.onError === "retry" ? RETRIES_OF_RETRY : 0)) + 1,
      rank: at(ranks, index),
    };
  });
  const order = steps.map((step) => step.index).sort((a, b) => at(ranks, a) - at(ranks, b) || a - b);
  return {
    workflow: definition.id,
    version: definition.version,
    steps,
    order,
    byId,
    ranks: ranks.reduce((most, rank) => Math.max(most, rank + 1), 0),
  };
}

/** Of each step, the length of the longest way to it. A definition has no cycle; were there one, its steps would rank last. */
export function longestPaths(before: readonly (readonly number[])[]): number[] {
  const after = invert(before);
  const open = before.map((steps) => steps.length);
  const ranks = before.map(() => 0);
  const ready = open.flatMap((count, step) => (count === 0 ? [step] : []));
  let done = 0;
  for (let step = ready.pop(); step !== undefined; step = ready.pop()) {
    done += 1;
    for (const next of at(after, step)) {
      ranks[next] = Math.max(at(ranks, next), at(ranks, step) + 1);
      open[next] = at(open, next) - 1;
      if (open[next] === 0) ready.push(next);
    }
  }
  if (done < before.length) {
    const last = Math.max(0, ...ranks) + 1;
    open.forEach((count, step) => {
      if (count > 0) ranks[step] = last;
    });
  }
  return ranks;
}

function invert(edges: readonly (readonly number[])[]): number[][] {
  const inverted: number[][] = edges.map(() => []);
  edges.forEach((targets, from) => {
    for (const target of targets) at(inverted, target).push(from);
  });
  return inverted;
}

/** The element of a list that is known to have it. */
export function at<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined && !(index in list)) throw new RangeError(`there is no element ${index} of ${list.length}`);
  return element as T;
}
