// Where the nodes lie: left to right, a column for each rank (dagre, told our ranks: its own are late or slow), and how the edges
// run. A pure function of the folded graph, computed in a worker: see `layout.worker.ts`. Node sizes are constants, so nothing
// is measured and nothing jumps.

import { Graph, layout as dagre } from "@dagrejs/dagre";

export const NODE_WIDTH = 208;
export const NODE_HEIGHT = 56;
export const HANDLER_WIDTH = 168;
export const HANDLER_HEIGHT = 32;
const COLUMN_GAP = 44;
const ROW_GAP = 20;
const EDGE_GAP = 14;
/** How far below the middle of its node an error edge leaves. */
const ERROR_PORT = 15;

export interface LayoutNode {
  readonly id: string;
  readonly kind: "step" | "chain" | "fan" | "handler";
  readonly rank: number;
}

export interface LayoutEdge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly kind: "dependency" | "error";
}

export interface LayoutRequest {
  readonly nodes: readonly LayoutNode[];
  readonly edges: readonly LayoutEdge[];
}

export interface PlacedNode {
  readonly id: string;
  /** Of the left upper corner. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedEdge {
  readonly id: string;
  /** An SVG path. */
  readonly path: string;
  /** Where it begins. */
  readonly startX: number;
  readonly startY: number;
}

export interface Layout {
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
  readonly width: number;
  readonly height: number;
}

interface Point {
  x: number;
  y: number;
}

interface Box extends Point {
  width: number;
  height: number;
}

/** What dagre asks for ranks. */
interface Ranked {
  nodes(): string[];
  edges(): object[];
  node(id: string): { rank?: number };
  edge(edge: object): { points?: Point[] };
}

const sizeOf = (kind: LayoutNode["kind"]) =>
  kind === "handler" ? { width: HANDLER_WIDTH, height: HANDLER_HEIGHT } : { width: NODE_WIDTH, height: NODE_HEIGHT };

export function layOut({ nodes, edges }: LayoutRequest): Layout {
  const graph = new Graph({ multigraph: true });
  const rankOf = new Map(nodes.map((node) => [node.id, node.rank]));
  graph.setDefaultEdgeLabel(() => ({}));
  // dagre expects ranks twice as far apart, with a place between for labels. Ours have none, and half of the ranks are a third of the
  // work. Then an edge may lead from one rank to the next, which dagre wants a point for: it is
  // not used, and lies where no node can be.
  const ranker = (ranked: Ranked) => {
    for (const id of ranked.nodes()) ranked.node(id).rank = rankOf.get(id) ?? 0;
    for (const edge of ranked.edges()) ranked.edge(edge).points = [{ x: -1e6, y: -1e6 }];
  };
  graph.setGraph({ rankdir: "LR", ranksep: 2 * COLUMN_GAP, nodesep: ROW_GAP, edgesep: EDGE_GAP, ranker } as never);
  for (const node of nodes) graph.setNode(node.id, sizeOf(node.kind));
  for (const edge of edges) graph.setEdge(edge.from, edge.to, { weight: edge.kind === "error" ? 1 : 2 }, edge.id);
  dagre(graph);

  const boxes = new Map(nodes.map((node) => [node.id, graph.node(node.id) as Box]));
  const columns = [...new Set([...boxes.values()].map((box) => box.x))].sort((a, b) => a - b);
  const placed = nodes.map((node): PlacedNode => {
    const { x, y, width, height } = boxes.get(node.id) as Box;
    return { id: node.id, x: x - width / 2, y: y - height / 2, width, height };
  });
  const drawn = edges.map((edge): PlacedEdge => {
    const { points } = graph.edge({ v: edge.from, w: edge.to, name: edge.id }) as { points: Point[] };
    return run(edge, boxes.get(edge.from) as Box, boxes.get(edge.to) as Box, points, columns);
  });
  return {
    nodes: placed,
    edges: drawn,
    width: Math.max(0, ...placed.map((node) => node.x + node.width)),
    height: Math.max(0, ...placed.map((node) => node.y + node.height)),
  };
}

/**
 * From the right of its source to the left of its target: level across each column that lies between, at the height that dagre
 * kept free there, and curved in the gaps. So it never runs through a node.
 */
function run(edge: LayoutEdge, from: Box, to: Box, points: readonly Point[], columns: readonly number[]): PlacedEdge {
  const start = { x: from.x + from.width / 2, y: from.y + (edge.kind === "error" ? ERROR_PORT : 0) };
  const end = { x: to.x - to.width / 2, y: to.y };
  const between = columns.filter((column) => column > from.x + 1 && column < to.x - 1);
  let path = `M${round(start.x)},${round(start.y)}`;
  let last = start;
  const curve = (to: Point) => {
    const bend = (to.x - last.x) / 2;
    path += `C${round(last.x + bend)},${round(last.y)} ${round(to.x - bend)},${round(to.y)} ${round(to.x)},${round(to.y)}`;
    last = to;
  };
  for (const column of between) {
    const y = heightAt(points, column);
    curve({ x: column - NODE_WIDTH / 2, y });
    path += `H${round(column + NODE_WIDTH / 2)}`;
    last = { x: column + NODE_WIDTH / 2, y };
  }
  curve(end);
  return { id: edge.id, path, startX: start.x, startY: start.y };
}

/** The height at which a line through the points passes `x`. */
function heightAt(points: readonly Point[], x: number): number {
  for (let index = 1; index < points.length; index += 1) {
    const [a, b] = [points[index - 1], points[index]];
    if (a === undefined || b === undefined || x > b.x) continue;
    return b.x === a.x ? b.y : a.y + ((b.y - a.y) * (x - a.x)) / (b.x - a.x);
  }
  return points.at(-1)?.y ?? 0;
}

const round = (value: number): number => Math.round(value * 10) / 10;
