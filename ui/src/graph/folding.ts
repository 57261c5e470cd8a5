// Which nodes are drawn: every step, or chains and fans of calm ones folded into one node each. A pure function; it is asked when
// the graph is opened and when a person folds or unfolds, never by an event, so that nothing moves under the pointer. What
// changes inside a fold meanwhile shows in its counts.

import { at, longestPaths, type StepGraph } from "./steps";

/** States in which nobody needs to see a step by itself. Any other is `undefined`. */
export type Calm = "completed" | "notYet" | "skipped";

export interface FoldingView {
  /** Of each step. */
  readonly calm: readonly (Calm | undefined)[];
  /** Steps that are never hidden, whatever their state: the selected one. */
  readonly pinned: ReadonlySet<number>;
  /** Groups that a person has unfolded, by id. */
  readonly open: ReadonlySet<string>;
  readonly on: boolean;
}

export interface GraphNode {
  readonly id: string;
  readonly kind: "step" | "chain" | "fan" | "handler";
  /** The step, the steps of a fold in their order, or the step whose failure starts the handler. */
  readonly steps: readonly number[];
  /** The workflow that is started, of a `handler`. */
  readonly workflow: string | undefined;
  /** All steps of a fan, those that stand beside the fold too; else as `steps`. */
  readonly members: readonly number[];
  readonly rank: number;
}

export interface GraphEdge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly kind: "dependency" | "error";
  /** What it stands for: pairs of steps. Of an edge to a handler the second is the first. */
  readonly pairs: readonly (readonly [number, number])[];
}

export interface FoldedGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** The place in `nodes` at which each step is found. */
  readonly nodeOf: readonly number[];
}

export const CHAIN_STEPS_MIN = 4;
export const FAN_STEPS_MIN = 6;
/** So many members of a fan stand beside it at most; the others show in its counts. */
export const BESIDE_MAX = 8;
/** Above this, folding is on unless a person said otherwise. */
export const UNFOLDED_STEPS_MAX = 60;

export const foldsByDefault = (graph: StepGraph): boolean => graph.steps.length > UNFOLDED_STEPS_MAX;

interface Unit {
  kind: "step" | "chain" | "fan";
  steps: number[];
  members: number[];
}

interface Neighbours {
  before: number[][];
  after: number[][];
}

export function foldGraph(graph: StepGraph, view: FoldingView): FoldedGraph {
  const neighbours: Neighbours = {
    before: graph.steps.map((step) => [...new Set([...step.dependsOn, ...step.namedBy])]),
    after: graph.steps.map((step) => [...new Set([...step.dependents, ...(step.branchesTo === undefined ? [] : [step.branchesTo])])]),
  };
  const single = (step: number): Unit => ({ kind: "step", steps: [step], members: [step] });
  let units = view.on ? chains(graph, view, neighbours) : graph.order.map(single);
  if (view.on) units = fans(graph, view, neighbours, units);
  return drawn(graph, units);
}

const idOf = (graph: StepGraph, unit: Unit): string => {
  const first = at(graph.steps, at(unit.members, 0)).id;
  if (unit.kind === "step") return first;
  return unit.kind === "fan" ? `${first}*` : `${first}..${at(graph.steps, at(unit.members, unit.members.length - 1)).id}`;
};

function chains(graph: StepGraph, view: FoldingView, { before, after }: Neighbours): Unit[] {
  const taken = new Set<number>();
  const units: Unit[] = [];
  for (const first of graph.order) {
    if (taken.has(first)) continue;
    const steps = [first];
    const calm = view.calm[first];
    for (let step = first; calm !== undefined && !view.pinned.has(step); ) {
      const next = at(after, step)[0];
      const one = next !== undefined && at(after, step).length === 1 && at(before, next).length === 1;
      // A failure that starts a workflow has a tag beside its step.
      const plain = one && at(graph.steps, step).errorWorkflow === undefined && at(graph.steps, next).errorWorkflow === undefined;
      if (!plain || view.calm[next] !== calm || view.pinned.has(next)) break;
      steps.push(next);
      step = next;
    }
    const chain: Unit = { kind: "chain", steps, members: steps };
    const folds = steps.length >= CHAIN_STEPS_MIN && !view.pinned.has(first) && !view.open.has(idOf(graph, chain));
    const kept = folds ? steps : [first];
    for (const step of kept) taken.add(step);
    units.push(folds ? chain : { kind: "step", steps: kept, members: kept });
  }
  return units;
}

function fans(graph: StepGraph, view: FoldingView, { before, after }: Neighbours, units: Unit[]): Unit[] {
  const alike = new Map<string, Unit[]>();
  for (const unit of units) {
    const [first, last] = [at(unit.steps, 0), at(unit.steps, unit.steps.length - 1)];
    if (at(graph.steps, last).errorWorkflow !== undefined) continue;
    const key = `${at(before, first).join()}|${at(after, last).join()}|${unit.steps.length}`;
    const others = alike.get(key);
    if (others === undefined) alike.set(key, [unit]);
    else others.push(unit);
  }
  const replaced = new Map<Unit, Unit | undefined>();
  for (const lanes of alike.values()) {
    const members = lanes.flatMap((lane) => lane.steps);
    if (lanes.length < FAN_STEPS_MIN || view.open.has(idOf(graph, { kind: "fan", steps: members, members }))) continue;
    const standsOut = (lane: Unit) => lane.steps.some((step) => view.calm[step] === undefined || view.pinned.has(step));
    const pinned = (lane: Unit) => lane.steps.some((step) => view.pinned.has(step));
    const beside = new Set(lanes.filter(pinned));
    for (const lane of lanes.filter(standsOut)) if (beside.size < BESIDE_MAX) beside.add(lane);
    const hidden = lanes.filter((lane) => !beside.has(lane));
    if (hidden.length < 2) continue;
    hidden.forEach((lane, index) => replaced.set(lane, index === 0 ? { kind: "fan", steps: hidden.flatMap((lane) => lane.steps), members } : undefined));
  }
  return units.flatMap((unit) => (replaced.has(unit) ? (replaced.get(unit) ?? []) : [unit]));
}

/** The nodes of the units and the edges between them. */
function drawn(graph: StepGraph, units: readonly Unit[]): FoldedGraph {
  const nodeOf: number[] = graph.steps.map(() => 0);
  units.forEach((unit, place) => {
    for (const step of unit.steps) nodeOf[step] = place;
  });
  const ids = units.map((unit) => idOf(graph, unit));
  const edges = new Map<string, { id: string; from: string; to: string; kind: "dependency" | "error"; pairs: [number, number][] }>();
  const before: number[][] = units.map(() => []);
  const connect = (from: number, to: number, kind: "dependency" | "error") => {
    const [source, target] = [at(nodeOf, from), at(nodeOf, to)];
    if (source === target) return;
    const id = `${at(ids, source)} ${kind === "error" ? "!" : ">"} ${at(ids, target)}`;
    const edge = edges.get(id);
    if (edge !== undefined) {
      edge.pairs.push([from, to]);
      return;
    }
    edges.set(id, { id, from: at(ids, source), to: at(ids, target), kind, pairs: [[from, to]] });
    if (!at(before, target).includes(source)) at(before, target).push(source);
  };
  const handlers: { step: number; workflow: string }[] = [];
  for (const index of graph.order) {
    const step = at(graph.steps, index);
    for (const dependency of step.dependsOn) connect(dependency, index, "dependency");
    if (step.branchesTo !== undefined) connect(index, step.branchesTo, "error");
    if (step.errorWorkflow !== undefined) handlers.push({ step: index, workflow: step.errorWorkflow });
  }
  const ranks = longestPaths(before);
  const nodes: GraphNode[] = units.map((unit, place) => ({
    ...unit,
    id: at(ids, place),
    workflow: undefined,
    rank: at(ranks, place),
  }));
  for (const { step, workflow } of handlers) {
    const source = at(ids, at(nodeOf, step));
    // No step's id has a space.
    const id = `${source} handler`;
    nodes.push({ id, kind: "handler", steps: [step], members: [step], workflow, rank: at(ranks, at(nodeOf, step)) + 1 });
    edges.set(id, { id: `${source} ! ${id}`, from: source, to: id, kind: "error", pairs: [[step, step]] });
  }
  return { nodes, edges: [...edges.values()], nodeOf };
}
