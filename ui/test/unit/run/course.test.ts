import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { stepGraph, type WorkflowDefinition } from "../../../src/graph/steps";
import { course } from "../../../src/run/course";
import { fold, stepStatus } from "../../../src/run/fold";
import type { HistoryEntry } from "../../../src/run/history";
import { edgeLook, looks } from "../../../src/run/looks";
import { LiveExecution } from "../../../src/run/live";
import { criticalPath } from "../../../src/timeline/critical";
import { entry } from "./entries";

interface Folded {
  scenario: string;
  definition: WorkflowDefinition;
  entries: HistoryEntry[];
}

const folds = JSON.parse(readFileSync(new URL("../../../../testdata/folds/scenarios.json", import.meta.url), "utf8")) as Folded[];

const diamond = stepGraph({
  id: "w",
  steps: [
    { id: "a", action: "x" },
    { id: "b", action: "x", dependsOn: ["a"], maxRetries: 1 },
    { id: "c", action: "x", dependsOn: ["a"] },
    { id: "d", action: "x", dependsOn: ["b", "c"] },
  ],
});

/** `[time, type, step, attempt, data]` */
type Row = [number, HistoryEntry["type"], (string | undefined)?, (number | undefined)?, object?];

const history = (...rows: Row[]): HistoryEntry[] =>
  rows.map(([timestamp, type, stepId, attempt, data], index) =>
    entry({
      seq: index + 1,
      timestamp,
      type,
      ...(stepId !== undefined && { stepId }),
      ...(attempt !== undefined && { attempt }),
      ...(data !== undefined && { data }),
    }),
  );

const ran = history(
  [0, "start"],
  [5, "step_start", "a", 1],
  [20, "step_complete", "a", 1],
  [20, "step_start", "b", 1],
  [26, "step_start", "c", 1],
  [30, "step_fail", "b", 1, { error: { message: "no" }, retryAt: 130 }],
  [40, "step_complete", "c", 1],
  [130, "step_ready", "b", undefined, { cause: "retry" }],
  [150, "step_start", "b", 2],
  [190, "step_complete", "b", 2],
  [190, "step_start", "d", 1],
  [200, "step_complete", "d", 1],
  [200, "complete"],
);

describe("the course", () => {
  it("knows when it goes on by itself, while a delay is open and nobody has paused it", () => {
    const failed = ran.slice(0, 6);
    expect(course(diamond, failed).nextAfter(60)).toBe(130);
    expect(course(diamond, failed).nextAfter(130)).toBeUndefined();
    expect(course(diamond, [...failed, { seq: 7, timestamp: 50, type: "pause" }]).nextAfter(60)).toBeUndefined();
    expect(course(diamond, ran.slice(0, 8)).nextAfter(60)).toBeUndefined();
    expect(course(diamond, ran).nextAfter(60)).toBeUndefined();
  });

  it("has every attempt, when it was ready, and what it waited for", () => {
    const { tracks, endedAt } = course(diamond, ran);
    const times = tracks[1]?.attempts.map((attempt) => [attempt.number, attempt.readyAt, attempt.startedAt, attempt.endedAt, attempt.outcome]);
    expect(times).toEqual([[1, 20, 20, 30, "failed"], [2, 130, 150, 190, "completed"]]);
    expect(tracks[1]?.delays).toEqual([{ kind: "retry", from: 30, until: 130, seq: 6, endedAt: 130 }]);
    expect(tracks[2]?.attempts[0]).toMatchObject({ readyAt: 20, startedAt: 26 });
    expect(endedAt).toBe(200);
  });

  it("keeps the attempts from before a retry by hand", () => {
    const of = course(diamond, history([0, "start"], [0, "step_start", "a", 1], [9, "step_fail", "a", 1, { error: { message: "x" }, then: "fail" }], [9, "fail"], [50, "retry", undefined, undefined, { reset: ["a"] }], [50, "step_start", "a", 2]));
    expect(of.tracks[0]?.attempts.map((attempt) => [attempt.number, attempt.outcome, attempt.retryCount, attempt.readyAt])).toEqual([[1, "failed", 0, 0], [2, "running", 1, 50]]);
    expect(of.retries).toEqual([{ at: 50, by: undefined, seq: 5 }]);
    expect(of.endedAt).toBeUndefined();
  });

  it("ends nothing before it began, also when the clock went back", () => {
    const of = course(diamond, history([100, "start"], [100, "step_start", "a", 1], [40, "step_complete", "a", 1]));
    expect(of.tracks[0]?.attempts[0]).toMatchObject({ startedAt: 100, endedAt: 100 });
  });

  it("agrees with the fold in every history that there is", () => {
    for (const { scenario, definition, entries } of folds) {
      const graph = stepGraph(definition);
      for (let length = 1; length <= entries.length; length += 1) {
        const part = entries.slice(0, length);
        const [of, execution] = [course(graph, part), fold(graph, part)];
        graph.steps.forEach((step) => {
          const track = of.tracks[step.index];
          const running = track?.attempts.filter((attempt) => attempt.outcome === "running").length ?? 0;
          expect(running, `${scenario} ${step.id} after ${length}`).toBe(stepStatus(graph, execution, step.index) === "running" ? 1 : 0);
          expect(track?.attempts.length, `${scenario} ${step.id} after ${length}`).toBe(execution.steps[step.index]?.attempts);
          expect(track?.endedAt, `${scenario} ${step.id} after ${length}`).toBe(execution.steps[step.index]?.endedAt);
        });
      }
    }
  });
});

describe("the critical path", () => {
  it("goes backwards over the dependency that ended last", () => {
    const path = criticalPath(diamond, course(diamond, ran), 1_000);
    expect(path.steps.map((step) => diamond.steps[step]?.id)).toEqual(["a", "b", "d"]);
    expect(path.busyMs).toBe(15 + 10 + 40 + 10);
    expect(path.longest).toEqual({ step: 1, share: 50 / 85 });
  });

  it("of an execution that goes on ends with what runs longest", () => {
    const path = criticalPath(diamond, course(diamond, ran.slice(0, 5)), 30);
    expect(path.steps.map((step) => diamond.steps[step]?.id)).toEqual(["a", "b"]);
  });

  it("is empty before anything has run", () => {
    expect(criticalPath(diamond, course(diamond, ran.slice(0, 1)), 30).steps).toEqual([]);
  });
});

describe("looks", () => {
  it("are drawn again only where something changed", () => {
    const open = new LiveExecution(diamond);
    let drawn = 0;
    open.watchSteps([3], () => (drawn += 1));
    open.take(ran.slice(0, 9));
    open.hasWhole();
    expect(drawn).toBe(0);
    const before = open.look(0);
    open.take(ran.slice(9));
    expect(open.look(0)).toBe(before);
    expect(drawn).toBe(1);
    expect(open.shown().looks.map((look) => look.kind)).toEqual(["completed", "completed", "completed", "completed"]);
  });

  it("of the past stand still, and the present goes on behind them", () => {
    const open = new LiveExecution(diamond);
    open.take(ran.slice(0, 9));
    open.hasWhole();
    open.lookAt(4);
    expect(open.look(1)).toMatchObject({ kind: "running", asOf: 20 });
    open.take(ran.slice(9));
    expect(open.look(1)).toMatchObject({ kind: "running", asOf: 20 });
    expect(open.shown().lastSeq).toBe(13);
    open.lookAt(undefined);
    expect(open.look(1)).toMatchObject({ kind: "completed", asOf: undefined });
  });

  it("are those of the head until the history has been read, never of its first half", () => {
    const open = new LiveExecution(diamond);
    open.take(ran.slice(0, 9));
    expect(open.shown()).toMatchObject({ whole: false, lastSeq: 0 });
    expect(open.look(0).kind).toBe("notYet");
    open.take(ran.slice(9));
    open.hasWhole();
    expect(open.look(0).kind).toBe("completed");
    expect(open.shown()).toMatchObject({ whole: true, lastSeq: 13 });
  });

  it("say when entries are missing, and take them once they have come", () => {
    const open = new LiveExecution(diamond);
    expect(open.take(ran.slice(0, 3))).toBe(true);
    expect(open.take(ran.slice(5, 7))).toBe(false);
    expect(open.lastSeq).toBe(3);
    expect(open.take(ran.slice(2))).toBe(true);
    expect(open.lastSeq).toBe(13);
  });

  it("tell edges that were taken from those that were not", () => {
    const graph = stepGraph({ id: "w", steps: [{ id: "a", action: "x", onError: "branch", errorBranch: "r" }, { id: "b", action: "x", dependsOn: ["a"] }, { id: "r", action: "x" }] });
    const at = (...rows: Row[]) => looks(graph, fold(graph, history(...rows)), []);
    const edges = (of: ReturnType<typeof at>) => [edgeLook("dependency", of[0] as never, of[1] as never), edgeLook("error", of[0] as never, of[2] as never)];
    const begun: Row[] = [[0, "start"], [0, "step_start", "a", 1]];
    expect(edges(at(...begun))).toEqual(["open", "open"]);
    expect(edges(at(...begun, [1, "step_complete", "a", 1], [1, "step_skip", "r", undefined, { cause: "notBranchedTo" }], [1, "step_start", "b", 1]))).toEqual(["moving", "open"]);
    expect(edges(at(...begun, [1, "step_fail", "a", 1, { error: { message: "x" }, then: "branch" }], [1, "step_skip", "b"], [1, "step_start", "r", 1], [2, "step_complete", "r", 1]))).toEqual(["notTaken", "taken"]);
  });
});

describe("hundreds of steps that change at once", () => {
  it("are told of over several frames, each once, and all of them", () => {
    const frames: (() => void)[] = [];
    vi.stubGlobal("requestAnimationFrame", (frame: () => void) => frames.push(frame));
    const graph = stepGraph({ id: "w", steps: Array.from({ length: 200 }, (_, index) => ({ id: `s${index}`, action: "x" })) });
    const open = new LiveExecution(graph);
    const told: number[] = [];
    graph.steps.forEach((_, step) => open.watchSteps([step], () => told.push(step)));
    open.take([entry({ seq: 1, timestamp: 1, type: "start" })]);
    open.hasWhole();
    expect(told.length).toBeLessThan(60);
    for (let frame = frames.shift(); frame !== undefined; frame = frames.shift()) {
      const before = told.length;
      frame();
      expect(told.length - before).toBeLessThan(60);
    }
    expect([...told].sort((a, b) => a - b)).toEqual(graph.steps.map((_, step) => step));
    vi.unstubAllGlobals();
  });
});
