// The graph of one execution on the desktop: React Flow draws, our layout places. `nodes` and `edges` change with the layout
// only; what happens reaches the nodes by themselves.

import { type Edge, MiniMap, type Node, Position, ReactFlow, ReactFlowProvider, useReactFlow, useStoreApi, type Viewport } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { memo, type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Failed, Skeleton } from "../parts/panels";
import { useOfSteps, useOpen } from "../run/hooks";
import { mostUrgent, urgency } from "../run/looks";
import { Arrows, type EdgeData, edgeTypes } from "./edge";
import type { FoldedGraph, GraphNode } from "./folding";
import { type Layout, NODE_HEIGHT, NODE_WIDTH } from "./layout";
import { layoutOf } from "./layouts";
import { type NodeData, nodeTypes } from "./node";
import { at } from "./steps";
import "./graph.css";

interface GraphViewProps {
  folded: FoldedGraph;
  /** Steps of the critical path, in order. */
  critical: readonly number[];
  selected: string | undefined;
  label: string;
  onChoose(node: GraphNode): void;
  onLaidOut(layout: Layout): void;
  tools: ReactNode;
}

const MINIMAP_FROM = 30;
const VISIBLE_ONLY_FROM = 150;
/** Below this names are hard to read, though they stand alone and large: then the camera begins at what matters instead. */
const READABLE_ZOOM = 0.44;
/** Where the whole does not fit. */
const BEGIN_ZOOM = 0.72;
const ZOOM = { min: 0.15, max: 1.5 };

export function GraphView(props: GraphViewProps) {
  const { laidOut, error, again } = useLayout(props.folded);
  const { onLaidOut } = props;
  useEffect(() => {
    if (laidOut !== undefined) onLaidOut(laidOut.layout);
  }, [laidOut, onLaidOut]);
  if (error !== undefined) return <Failed error={error} onRetry={again} what="The graph could not be drawn." />;
  if (laidOut === undefined) return <Skeleton rows={6} height={56} />;
  return (
    <ReactFlowProvider>
      <Drawn {...props} folded={laidOut.folded} layout={laidOut.layout} />
    </ReactFlowProvider>
  );
}

/** The newest layout that is there: the former graph stays until the next one is laid out. */
function useLayout(folded: FoldedGraph) {
  const { graph } = useOpen();
  const [laidOut, setLaidOut] = useState<{ folded: FoldedGraph; layout: Layout }>();
  const [error, setError] = useState<unknown>();
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let wanted = true;
    layoutOf(graph, folded).then(
      (layout) => wanted && (setError(undefined), setLaidOut({ folded, layout })),
      (failure: unknown) => wanted && setError(failure),
    );
    return () => {
      wanted = false;
    };
  }, [folded, graph, tries]);
  return { laidOut, error, again: () => setTries(tries + 1) };
}

function Drawn({ folded, layout, critical, selected, label, onChoose, tools }: GraphViewProps & { layout: Layout }) {
  const flow = useReactFlow();
  const frame = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState(false);
  const choose = useRef(onChoose);
  useEffect(() => {
    choose.current = onChoose;
  });
  const { nodes, edges } = useMemo(() => elements(folded, layout, critical, (node) => choose.current(node)), [folded, layout, critical]);

  const begins = useBeginning(frame, folded, layout, selected);
  // React Flow calls itself an application, in which screen readers hand every key to the page: it is a group of buttons.
  useEffect(() => frame.current?.querySelector(".react-flow")?.removeAttribute("role"), [begins]);

  useInSight(frame, folded, layout, selected, begins !== undefined);

  const onViewport = (_: unknown, { zoom }: Viewport) => {
    if (frame.current !== null) frame.current.dataset["zoom"] = zoomName(zoom);
  };
  return (
    <div ref={frame} className="graph" role="group" aria-label={label} data-zoom={zoomName(begins?.zoom ?? 1)} onFocus={() => setFocused(true)} onBlur={(event) => setFocused(event.currentTarget.contains(event.relatedTarget))}>
      <Arrows />
      {begins !== undefined && (
        <ReactFlow
          defaultViewport={begins}
          nodes={nodes}
          edges={edges}
          nodeTypes={nodeTypes}
          edgeTypes={edgeTypes}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          minZoom={ZOOM.min}
          maxZoom={ZOOM.max}
          zoomOnScroll={focused}
          preventScrolling={focused}
          zoomOnDoubleClick={false}
          onMove={onViewport}
          onlyRenderVisibleElements={nodes.length > VISIBLE_ONLY_FROM}
          proOptions={{ hideAttribution: true }}
        >
          {nodes.length > MINIMAP_FROM && <MiniMap pannable zoomable nodeComponent={MiniNode} ariaLabel="Overview of the graph" className="graph-minimap" />}
        </ReactFlow>
      )}
      <div className="graph-tools">
        {tools}
        <button type="button" className="button quiet small icon" aria-label="Zoom out" onClick={() => void flow.zoomOut()}>
          −
        </button>
        <button type="button" className="button quiet small icon" aria-label="Zoom in" onClick={() => void flow.zoomIn()}>
          +
        </button>
        <button type="button" className="button quiet small" data-fit title="Show all of it (z)" onClick={() => void flow.fitView({ padding: 0.06, maxZoom: 1, duration: reducedMotion() ? 0 : 200 })}>
          Fit
        </button>
      </div>
    </div>
  );
}

type Frame = React.RefObject<HTMLDivElement | null>;

/**
 * Where the camera begins: the whole graph when it can be read so, else what is chosen or what matters. It is known before anything is
 * drawn, so that only what will be seen is.
 */
function useBeginning(frame: Frame, folded: FoldedGraph, layout: Layout, selected: string | undefined): Viewport | undefined {
  const open = useOpen();
  const store = useStoreApi();
  const [begins, setBegins] = useState<Viewport>();
  const placed = useRef(false);
  useLayoutEffect(() => {
    const size = frame.current?.getBoundingClientRect();
    if (placed.current || size === undefined || size.width === 0) return;
    placed.current = true;
    // Else React Flow learns its size after it has drawn for the first time.
    store.setState({ width: size.width, height: size.height });
    const zoom = Math.min(1, (size.width - 48) / layout.width, (size.height - 72) / layout.height);
    if (zoom >= READABLE_ZOOM) {
      setBegins({ zoom, x: Math.max(24, (size.width - layout.width * zoom) / 2), y: (size.height - layout.height * zoom) / 2 });
      return;
    }
    const chosen = selected === undefined ? undefined : open.graph.byId.get(selected);
    const place = chosen === undefined ? whatMatters(folded, (step) => urgency(open.look(step).kind)) : at(folded.nodeOf, chosen);
    const node = layout.nodes[place];
    const [x, y] = node === undefined ? [0, 0] : [node.x + node.width / 2, node.y + node.height / 2];
    setBegins({ zoom: BEGIN_ZOOM, x: size.width / 2 - x * BEGIN_ZOOM, y: size.height / 2 - y * BEGIN_ZOOM });
  }, [frame, folded, layout, open, selected, store]);
  return begins;
}

/** What is chosen by a key or in a list comes into sight; what is in sight stays where it is. */
function useInSight(frame: Frame, folded: FoldedGraph, layout: Layout, selected: string | undefined, drawn: boolean): void {
  const open = useOpen();
  const flow = useReactFlow();
  useEffect(() => {
    const index = selected === undefined ? undefined : open.graph.byId.get(selected);
    const node = index === undefined ? undefined : layout.nodes[at(folded.nodeOf, index)];
    const size = frame.current?.getBoundingClientRect();
    if (node === undefined || size === undefined || !drawn) return;
    const { x, y, zoom } = flow.getViewport();
    const [left, top] = [node.x * zoom + x, node.y * zoom + y];
    const inSight = left >= 0 && top >= 0 && left + NODE_WIDTH * zoom <= size.width && top + NODE_HEIGHT * zoom <= size.height;
    if (!inSight) void flow.setCenter(node.x + node.width / 2, node.y + node.height / 2, { zoom: Math.max(zoom, 0.6), duration: reducedMotion() ? 0 : 200 });
  }, [selected, layout, folded, flow, open, drawn, frame]);
}

const zoomName = (zoom: number): string => (zoom < 0.3 ? "far" : zoom < 0.56 ? "middle" : zoom < 0.85 ? "small" : "near");

export const reducedMotion = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The most urgent node; of several the first; of calm ones the last that is done. */
function whatMatters(folded: FoldedGraph, urgencyOf: (step: number) => number): number {
  let best = 0;
  let least = Infinity;
  folded.nodes.forEach((node, index) => {
    const urgent = Math.min(...node.steps.map(urgencyOf));
    if (urgent < least) [best, least] = [index, urgent];
  });
  const calm = least >= CALM_FROM;
  if (!calm) return best;
  return folded.nodes.reduce((last, node, index) => (node.rank > at(folded.nodes, last).rank ? index : last), 0);
}

/** From here on nothing asks for attention. */
const CALM_FROM = urgency("notYet");

function elements(folded: FoldedGraph, layout: Layout, critical: readonly number[], onChoose: (node: GraphNode) => void) {
  const onPath = new Set(critical);
  const follows = new Map(critical.map((step, index) => [step, critical[index - 1]]));
  const nodes = folded.nodes.map((node, index): Node<NodeData> => {
    const { id, x, y, width, height } = at(layout.nodes, index);
    const data = { node, critical: node.kind === "step" && onPath.has(at(node.steps, 0)), onChoose };
    const size = { width, height };
    return { id, type: node.kind, position: { x, y }, ...size, measured: size, handles: ports(size), data, draggable: false, selectable: false };
  });
  const edges = folded.edges.map((edge, index): Edge<EdgeData> => {
    const onIt = edge.pairs.some(([from, to]) => follows.get(to) === from && onPath.has(to));
    return { id: edge.id, type: "step", source: edge.from, target: edge.to, data: { edge, placed: at(layout.edges, index), critical: onIt } };
  });
  return { nodes, edges };
}

/**
 * Where edges leave and arrive. A node whose ports are not known is drawn to look for them, wherever it lies: then all of a thousand
 * would be drawn, and all but a dozen taken away again.
 */
const ports = ({ width, height }: { width: number; height: number }): NonNullable<Node["handles"]> => [
  { type: "target", position: Position.Left, x: 0, y: height / 2 },
  { type: "source", position: Position.Right, x: width, y: height / 2 },
];

interface MiniNodeProps {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** In the overview: the colour of its state; what failed is larger and an octagon. */
const MiniNode = memo(function MiniNode({ id, x, y, width, height }: MiniNodeProps) {
  const flow = useReactFlow<Node<NodeData>>();
  const steps = flow.getNode(id)?.data.node.steps;
  return steps === undefined ? null : <MiniShape steps={steps} x={x} y={y} width={width} height={height} />;
});

function MiniShape({ steps, x, y, width, height }: Omit<MiniNodeProps, "id"> & { steps: readonly number[] }) {
  const kind = useOfSteps(steps, (looks) => mostUrgent(looks.map((look) => look.kind)));
  if (kind !== "failed") return <rect x={x} y={y} width={width} height={height} rx={6} className="mini" data-look={kind} />;
  const [cut, top, bottom] = [height * 0.5, y - height * 0.3, y + height * 1.3];
  const points = [[x + cut, top], [x + width - cut, top], [x + width, top + cut], [x + width, bottom - cut], [x + width - cut, bottom], [x + cut, bottom], [x, bottom - cut], [x, top + cut]];
  return <polygon points={points.map((point) => point.join()).join(" ")} className="mini" data-look={kind} />;
}
