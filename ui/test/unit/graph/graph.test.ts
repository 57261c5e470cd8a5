import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { foldGraph, type Calm, type FoldingView } from "../../../src/graph/folding";
import { layOut, NODE_HEIGHT, NODE_WIDTH, type Layout, type LayoutRequest } from "../../../src/graph/layout";
import { neighbour } from "../../../src/graph/neighbours";
import { longestPaths, stepGraph, type StepDefinition, type StepGraph, type WorkflowDefinition } from "../../../src/graph/steps";
import { random } from "../random";

const testdata = new URL("../../../../testdata/", import.meta.url);

function graphOf(...steps: (Partial<StepDefinition> & { id: string })[]): StepGraph {
  return stepGraph({ id: "w", steps: steps.map((step) => ({ action: `do-${step.id}`, ...step })) });
}

/** `a, b, c …` each after the one before. */
const chain = (ids: string[]) => ids.map((id, index) => ({ id, dependsOn: ids.slice(Math.max(0, index - 1), index) }));

const unfolded: FoldingView = { calm: [], pinned: new Set(), open: new Set(), on: false };
const all = (graph: StepGraph, calm: Calm): FoldingView => ({ calm: graph.steps.map(() => calm), pinned: new Set(), open: new Set(), on: true });
const step = (graph: StepGraph, id: string) => graph.byId.get(id) as number;

/** Layered, by seed. */
function randomGraph(seed: number, steps: number, breadth: number): StepGraph {
  const next = random(seed);
  return stepGraph({
    id: "w",
    steps: Array.from({ length: steps }, (_, index) => ({
      id: `s${index}`,
      action: "x",
      dependsOn: [...new Set(Array.from({ length: Math.floor(next() * 3) }, () => index - 1 - Math.floor(next() * breadth)))].filter((before) => before >= 0).map((before) => `s${before}`),
    })),
  });
}

describe("the graph of steps", () => {
  it("ranks a step by the longest way to it, error branches included", () => {
    const graph = graphOf({ id: "d", dependsOn: ["a", "c"] }, { id: "c", dependsOn: ["b"] }, { id: "b", dependsOn: ["a"], onError: "branch", errorBranch: "e" }, { id: "a" }, { id: "e" });
    expect(graph.steps.map((step) => `${step.id}${step.rank}`)).toEqual(["d3", "c2", "b1", "a0", "e2"]);
    expect(graph.order.map((index) => graph.steps[index]?.id)).toEqual(["a", "b", "c", "e", "d"]);
    expect(graph.ranks).toBe(4);
  });

  it("never puts a step before what comes before it, in any definition there is", () => {
    const folder = new URL("definitions/valid/", testdata);
    const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) {
      const graph = stepGraph(JSON.parse(readFileSync(new URL(file, folder), "utf8")) as WorkflowDefinition);
      for (const step of graph.steps) {
        for (const before of [...step.dependsOn, ...step.namedBy]) expect(graph.steps[before]?.rank, `${file} ${step.id}`).toBeLessThan(step.rank);
      }
    }
  });

  it("counts the attempts that a step has", () => {
    const graph = graphOf({ id: "a" }, { id: "b", onError: "retry" }, { id: "c", onError: "retry", maxRetries: 1 }, { id: "d", onError: "continue", maxRetries: 2 });
    expect(graph.steps.map((step) => step.attemptsMax)).toEqual([1, 4, 2, 3]);
  });

  it("knows a workflow that handles a failure from a step that does", () => {
    const graph = graphOf({ id: "a", onError: "branch", errorBranch: "b" }, { id: "b", onError: "branch", errorBranch: "notify-team" });
    expect(graph.steps.map((step) => [step.branchesTo, step.errorWorkflow, step.namedBy])).toEqual([[1, undefined, []], [undefined, "notify-team", [0]]]);
  });

  it("ends with a definition that has a cycle, too: one of an older server", () => {
    expect(longestPaths([[1], [0], []])).toEqual([1, 1, 0]);
  });
});

describe("folding", () => {
  it("folds a chain of four calm steps and leaves a shorter one", () => {
    const graph = graphOf(...chain(["a", "b", "c", "d"]), { id: "x", dependsOn: ["d"] }, { id: "y", dependsOn: ["d"] });
    const folded = foldGraph(graph, all(graph, "completed"));
    expect(folded.nodes.map((node) => node.id)).toEqual(["a..d", "x", "y"]);
    expect(folded.edges.map((edge) => edge.id)).toEqual(["a..d > x", "a..d > y"]);
    expect(folded.nodeOf.map((node) => folded.nodes[node]?.id)).toEqual(["a..d", "a..d", "a..d", "a..d", "x", "y"]);
    const short = graphOf(...chain(["a", "b", "c"]), { id: "x", dependsOn: ["c"] }, { id: "y", dependsOn: ["c"] });
    expect(foldGraph(short, all(short, "completed")).nodes).toHaveLength(5);
  });

  it("never hides what failed, runs, waits or is selected", () => {
    const ids = Array.from({ length: 12 }, (_, index) => `s${index}`);
    const graph = graphOf(...chain(ids));
    const view = { ...all(graph, "completed"), pinned: new Set([9]) };
    const calm = view.calm.map((calm, index) => (index === 4 ? undefined : calm));
    const folded = foldGraph(graph, { ...view, calm });
    expect(folded.nodes.map((node) => node.id)).toEqual(["s0..s3", "s4", "s5..s8", "s9", "s10", "s11"]);
  });

  it("does not fold over a change of state, a branch, or a failure that starts a workflow", () => {
    const graph = graphOf(...chain(["a", "b", "c", "d", "e", "f", "g", "h"]));
    const calm = graph.steps.map((_, index): Calm => (index < 4 ? "completed" : "notYet"));
    expect(foldGraph(graph, { ...all(graph, "completed"), calm }).nodes.map((node) => node.id)).toEqual(["a..d", "e..h"]);
    const branching = graphOf(...chain(["a", "b", "c", "d"]).map((step) => (step.id === "b" ? { ...step, onError: "branch" as const, errorBranch: "r" } : step)), { id: "r" });
    expect(foldGraph(branching, all(branching, "notYet")).nodes).toHaveLength(5);
    const handled = graphOf(...chain(["a", "b", "c", "d"]).map((step) => (step.id === "c" ? { ...step, onError: "branch" as const, errorBranch: "elsewhere" } : step)));
    expect(foldGraph(handled, all(handled, "notYet")).nodes.map((node) => node.id)).toEqual(["a", "b", "c", "d", "c handler"]);
  });

  const fan = (width: number) =>
    graphOf({ id: "split" }, ...Array.from({ length: width }, (_, index) => ({ id: `part${index}`, dependsOn: ["split"] })), { id: "join", dependsOn: Array.from({ length: width }, (_, index) => `part${index}`) });

  it("stacks a fan of six, with what is not calm beside it", () => {
    const graph = fan(198);
    const calm = graph.steps.map((step): Calm | undefined => (step.id === "part7" || step.id === "part90" ? undefined : "completed"));
    const folded = foldGraph(graph, { ...all(graph, "completed"), calm });
    expect(folded.nodes.map((node) => node.id)).toEqual(["split", "part0*", "part7", "part90", "join"]);
    expect(folded.nodes[1]?.steps).toHaveLength(196);
    expect(folded.nodes[1]?.members).toHaveLength(198);
    expect(foldGraph(fan(5), all(fan(5), "completed")).nodes).toHaveLength(7);
  });

  it("lets at most eight stand beside a fan, and the selected one always", () => {
    const graph = fan(100);
    const folded = foldGraph(graph, { calm: graph.steps.map(() => undefined), pinned: new Set([step(graph, "part77")]), open: new Set(), on: true });
    const beside = folded.nodes.filter((node) => node.kind === "step" && node.id.startsWith("part"));
    expect(beside).toHaveLength(8);
    expect(beside.map((node) => node.id)).toContain("part77");
  });

  it("folds lanes of the same length into chains and those into a fan", () => {
    const lanes = Array.from({ length: 8 }, (_, lane) => chain([`l${lane}a`, `l${lane}b`, `l${lane}c`, `l${lane}d`]).map((step) => (step.dependsOn.length === 0 ? { ...step, dependsOn: ["split"] } : step)));
    const graph = graphOf({ id: "split" }, ...lanes.flat(), { id: "join", dependsOn: Array.from({ length: 8 }, (_, lane) => `l${lane}d`) });
    const folded = foldGraph(graph, all(graph, "completed"));
    expect(folded.nodes.map((node) => [node.kind, node.members.length])).toEqual([["step", 1], ["fan", 32], ["step", 1]]);
    expect(folded.edges).toHaveLength(2);
    expect(folded.edges[0]?.pairs).toHaveLength(8);
  });

  it("unfolds what a person opened, and nothing at all when it is off", () => {
    const graph = fan(20);
    expect(foldGraph(graph, { ...all(graph, "completed"), open: new Set(["part0*"]) }).nodes).toHaveLength(22);
    expect(foldGraph(graph, unfolded).nodes).toHaveLength(22);
  });

  it("keeps every step in exactly one node and every edge between two nodes", () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const graph = randomGraph(seed, 40, 1 + (seed % 7));
      const next = random(seed);
      const calms: (Calm | undefined)[] = ["completed", "completed", "completed", "notYet", undefined];
      const calm = graph.steps.map(() => calms[Math.floor(next() ** 2 * calms.length)]);
      const folded = foldGraph(graph, { calm, pinned: new Set([seed % 40]), open: new Set(), on: true });
      expect(folded.nodes.flatMap((node) => node.steps).sort((a, b) => a - b)).toEqual(graph.steps.map((step) => step.index));
      for (const [step, node] of folded.nodeOf.entries()) expect(folded.nodes[node]?.steps).toContain(step);
      const ranks = new Map(folded.nodes.map((node) => [node.id, node.rank]));
      for (const edge of folded.edges) expect(ranks.get(edge.from), `${seed} ${edge.id}`).toBeLessThan(ranks.get(edge.to) as number);
    }
  });
});

describe("the layout", () => {
  const request = (graph: StepGraph): LayoutRequest => foldGraph(graph, unfolded);

  function crossings(layout: Layout, { edges }: LayoutRequest): string[] {
    // Along each path, fine enough to find a node that it passes.
    return layout.edges.flatMap((edge) => {
      const ends = edges.find((other) => other.id === edge.id);
      return points(edge.path).flatMap(([x, y]) =>
        layout.nodes
          .filter((node) => node.id !== ends?.from && node.id !== ends?.to)
          .filter((node) => x > node.x && x < node.x + node.width && y > node.y && y < node.y + node.height)
          .map((node) => `${edge.id} passes ${node.id}`),
      );
    });
  }

  function points(path: string): [number, number][] {
    const found: [number, number][] = [];
    let [x, y] = [0, 0];
    for (const [, command, numbers] of path.matchAll(/([MCH])([^MCH]*)/g)) {
      const n = (numbers as string).split(/[ ,]/).map(Number) as [number, number, number, number, number, number];
      if (command === "M") [x, y] = [n[0], n[1]];
      const [fromX, fromY] = [x, y];
      for (let t = 0.05; t < 0.99; t += 0.05) {
        const s = 1 - t;
        if (command === "H") found.push([fromX + (n[0] - fromX) * t, fromY]);
        if (command === "C") {
          const along = (a: number, b: number, c: number, d: number) => s ** 3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t ** 3 * d;
          found.push([along(fromX, n[0], n[2], n[4]), along(fromY, n[1], n[3], n[5])]);
        }
      }
      if (command === "H") x = n[0];
      if (command === "C") [x, y] = [n[4], n[5]];
    }
    return found;
  }

  it("gives each rank a column, in order", () => {
    const graph = randomGraph(3, 50, 6);
    const layout = layOut(request(graph));
    const columns = new Map<number, Set<number>>();
    layout.nodes.forEach((node, index) => {
      const rank = foldGraph(graph, unfolded).nodes[index]?.rank as number;
      columns.set(rank, (columns.get(rank) ?? new Set()).add(Math.round(node.x)));
    });
    const xs = [...columns.entries()].sort(([a], [b]) => a - b).map(([, places]) => [...places]);
    expect(xs.every((places) => places.length === 1)).toBe(true);
    expect(xs.flat()).toEqual([...xs.flat()].sort((a, b) => a - b));
  });

  it("lets no nodes overlap and no edge run through a node", () => {
    for (let seed = 1; seed <= 25; seed += 1) {
      const asked = request(randomGraph(seed, 45, 2 + (seed % 9)));
      const layout = layOut(asked);
      for (const a of layout.nodes) {
        for (const b of layout.nodes) {
          const apart = a.id === b.id || Math.abs(a.x - b.x) >= NODE_WIDTH || Math.abs(a.y - b.y) >= NODE_HEIGHT;
          expect(apart, `${seed}: ${a.id} and ${b.id}`).toBe(true);
        }
      }
      expect(crossings(layout, asked), `seed ${seed}`).toEqual([]);
    }
  });

  it("of an execution is the same whatever has happened in it", () => {
    const graph = randomGraph(5, 30, 4);
    expect(layOut(request(graph))).toEqual(layOut(request(graph)));
  });
});

describe("the arrow keys", () => {
  const graph = graphOf({ id: "a", onError: "branch", errorBranch: "rescue" }, { id: "b", dependsOn: ["a"] }, { id: "c", dependsOn: ["a"] }, { id: "rescue" }, { id: "end", dependsOn: ["b", "c"] });
  const folded = foldGraph(graph, unfolded);
  const { nodes } = layOut(folded);
  const go = (from: string, direction: "left" | "right" | "up" | "down") => neighbour(from, direction, nodes, folded.edges);

  it("lead along edges and within a column", () => {
    expect(go("end", "right")).toBeUndefined();
    expect(go("a", "left")).toBeUndefined();
    expect(["b", "c", "rescue"]).toContain(go("a", "right")?.id);
    expect(["b", "c"]).toContain(go("end", "left")?.id);
    expect(go("rescue", "left")).toMatchObject({ id: "a", edge: { kind: "error" } });
    const column = ["b", "c", "rescue"].sort((x, y) => (nodes.find((n) => n.id === x)?.y ?? 0) - (nodes.find((n) => n.id === y)?.y ?? 0));
    expect(go(column[0] as string, "down")?.id).toBe(column[1]);
    expect(go(column[1] as string, "up")?.id).toBe(column[0]);
    expect(go(column[0] as string, "up")).toBeUndefined();
  });
});
