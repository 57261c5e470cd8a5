import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { stepGraph, type StepGraph, type WorkflowDefinition } from "../../../src/graph/steps";
import { apply, begin, copy, endedAt, isPaused, MissingEntries, status, stepHasEnded, stepStatus, type Execution } from "../../../src/run/fold";
import { type HistoryEntry, stepIdOf } from "../../../src/run/history";
import { ENTRIES_PER_KEYFRAME, Moments } from "../../../src/run/moments";
import { entry, type Short } from "./entries";

interface Folded {
  scenario: string;
  definition: WorkflowDefinition;
  entries: HistoryEntry[];
  after: { status: string; completedSteps: string[]; completedAt: number | null; steps: Record<string, StepView> }[];
}

interface StepView {
  status: string;
  error?: string;
  startedAt?: number;
  completedAt?: number;
  duration?: number;
  retries: number;
  waitingFor?: { type: string; until?: number };
}

const folds = JSON.parse(readFileSync(new URL("../../../../testdata/folds/scenarios.json", import.meta.url), "utf8")) as Folded[];

/** What the page makes of a fold, in the words of the core's view. */
function view(graph: StepGraph, execution: Execution) {
  const steps: Record<string, StepView> = {};
  for (const step of graph.steps) {
    const stepView = viewStep(graph, execution, step.index);
    if (stepView !== undefined) steps[step.id] = stepView;
  }
  return {
    status: status(graph, execution),
    completedSteps: execution.completed.map((step) => graph.steps[step]?.id),
    completedAt: endedAt(execution) ?? null,
    steps,
  };
}

function viewStep(graph: StepGraph, execution: Execution, index: number): StepView | undefined {
  const record = execution.steps[index];
  const of = stepStatus(graph, execution, index);
  if (record === undefined || of === undefined) return undefined;
  const view: StepView = { status: of, retries: Math.max(0, record.failedAttempts - 1) };
  if (record.failure !== undefined) view.error = record.failure.message;
  if (record.startedAt !== undefined) view.startedAt = record.startedAt;
  if (record.endedAt !== undefined) view.completedAt = record.endedAt;
  if (record.startedAt !== undefined && record.endedAt !== undefined) {
    view.duration = Math.max(0, record.endedAt - record.startedAt);
  }
  if (record.state.kind === "waiting") view.waitingFor = { type: "timer", until: record.state.until };
  else if (record.state.kind === "retryDelay") view.waitingFor = { type: "retry", until: record.state.until };
  else if (of === "waiting") view.waitingFor = { type: "worker" };
  return view;
}

describe("the fold", () => {
  it("has the core's own histories to be compared with", () => {
    expect(folds.length).toBeGreaterThan(140);
  });

  it.each(folds.map((folded, index) => [`${folded.scenario}: ${folded.definition.id}`, index] as const))("of %s is the core's", (_, index) => {
    const { definition, entries, after } = folds[index] as Folded;
    const graph = stepGraph(definition);
    const execution = begin(graph);
    entries.forEach((entry, place) => {
      apply(graph, execution, entry);
      expect(view(graph, execution), `after ${entry.seq} ${entry.type} ${stepIdOf(entry) ?? ""}`).toEqual(after[place]);
    });
  });

  it("does not take an entry twice and says which are missing", () => {
    const graph = stepGraph({ id: "w", steps: [{ id: "a", action: "do-a" }] });
    const execution = begin(graph);
    const start = entry({ seq: 1, timestamp: 1, type: "start" });
    apply(graph, execution, start);
    apply(graph, execution, { seq: 2, timestamp: 2, type: "step_start", stepId: "a", attempt: 1 });
    const before = copy(execution);
    apply(graph, execution, start);
    expect(execution).toEqual(before);
    expect(() => apply(graph, execution, { seq: 4, timestamp: 4, type: "complete" })).toThrow(MissingEntries);
    expect(execution).toEqual(before);
  });

  it("passes over entries of types that it does not know", () => {
    const graph = stepGraph({ id: "w", steps: [{ id: "a", action: "do-a" }] });
    const execution = begin(graph);
    apply(graph, execution, entry({ seq: 1, timestamp: 1, type: "start" }));
    apply(graph, execution, { seq: 2, timestamp: 2, type: "signal_received" as never, stepId: "a" });
    apply(graph, execution, { seq: 3, timestamp: 3, type: "compensated" as never });
    expect(execution.seq).toBe(3);
    expect(stepStatus(graph, execution, 0)).toBe("waiting");
  });

  it("leaves the records of other steps as they are, so that only what changed is drawn", () => {
    const graph = stepGraph({ id: "w", steps: [{ id: "a", action: "x" }, { id: "b", action: "x" }] });
    const execution = begin(graph);
    apply(graph, execution, entry({ seq: 1, timestamp: 1, type: "start" }));
    const [a, b] = execution.steps;
    expect(apply(graph, execution, { seq: 2, timestamp: 2, type: "step_start", stepId: "b", attempt: 1 })).toBe(1);
    expect(execution.steps[0]).toBe(a);
    expect(execution.steps[1]).not.toBe(b);
  });
});

describe("moments", () => {
  const graph = stepGraph({ id: "w", steps: [{ id: "a", action: "x", maxRetries: 10_000 }] });

  /** An execution that is paused and resumed, and whose step fails over and over. */
  function long(entries: number): HistoryEntry[] {
    const history: HistoryEntry[] = [entry({ seq: 1, timestamp: 0, type: "start" })];
    for (let attempt = 1; history.length < entries; attempt += 1) {
      const add = (short: Omit<Short, "seq" | "timestamp">) => history.push(entry({ ...short, seq: history.length + 1, timestamp: history.length * 10 }));
      if (attempt > 1) add({ type: "step_ready", stepId: "a", data: { cause: "retry" } });
      add({ type: "step_start", stepId: "a", attempt });
      add({ type: "step_fail", stepId: "a", attempt, data: { error: { message: `no ${attempt}` }, retryAt: history.length * 10 + 5 } });
      if (attempt % 7 === 0) add({ type: attempt % 14 === 0 ? "resume" : "pause" });
    }
    return history.slice(0, entries);
  }

  it("are what folding the entries up to there gives, around every keyframe", () => {
    const history = long(3 * ENTRIES_PER_KEYFRAME + 17);
    const moments = new Moments(graph);
    for (const entry of history) moments.push(entry);
    const straight = begin(graph);
    for (const entry of history) {
      apply(graph, straight, entry);
      expect(moments.at(entry.seq)).toEqual(straight);
    }
    expect(moments.at(99_999)).toEqual(moments.live);
    expect(moments.at(0).seq).toBe(0);
  });

  it("of 10,000 entries are what they were", () => {
    const moments = new Moments(graph);
    for (const entry of long(10_000)) moments.push(entry);
    const seqs = Array.from({ length: 200 }, (_, index) => ((index * 7_919) % 10_000) + 1);
    for (const seq of seqs) expect(moments.at(seq).seq).toBe(seq);
    expect([21, 22, 23].map((seq) => isPaused(moments.at(seq)))).toEqual([false, true, true]);
    expect(stepHasEnded(moments.at(10_000).steps[0] as Execution["steps"][number])).toBe(false);
  });

  it("finds the entry of an instant", () => {
    const moments = new Moments(graph);
    for (const entry of long(40)) moments.push(entry);
    expect(moments.seqAt(-5)).toBe(1);
    for (const entry of moments.entries) expect(moments.seqAt(entry.timestamp)).toBe(entry.seq);
    expect(moments.seqAt(11)).toBe(moments.seqAt(10));
    expect(moments.seqAt(1e9)).toBe(40);
  });
});
