// The graph of a definition: where time goes and what fails, drawn on the steps. Nothing here runs, so that it is plain
// boxes and one picture of lines; the layout is the one of executions.
import { memo, useEffect, useMemo, useRef, useState } from "react";
import type { StepStatistics, WorkflowDefinition } from "../api/types";
import { duration } from "../format/duration";
import { percent, visible } from "../format/text";
import type { Layout } from "../graph/layout";
import { layout } from "../graph/layouts";
import { Sign } from "../graph/signs";
import { type Step, stepGraph } from "../graph/steps";
import { Failed, Skeleton } from "../parts/panels";
import type { StepChange } from "./diff";
import { SAMPLES_MIN } from "./Workflows";
import "./graph.css";

interface DefinitionGraphProps {
  definition: WorkflowDefinition;
  stats: ReadonlyMap<string, StepStatistics>;
  changes: ReadonlyMap<string, StepChange>;
  /** Steps that the other version had and this one has not: drawn beside. */
  removed: readonly string[];
  chosen: string | undefined;
  onChoose(step: string): void;
}

interface Edge {
  id: string;
  from: string;
  to: string;
  kind: "dependency" | "error";
}

export function DefinitionGraph({ definition, stats, changes, removed, chosen, onChoose }: DefinitionGraphProps) {
  const graph = useMemo(() => stepGraph(definition), [definition]);
  const edges = useMemo(() => edgesOf(graph.steps), [graph]);
  const [placed, setPlaced] = useState<Layout>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    let wanted = true;
    const nodes = graph.steps.map((step) => ({ id: step.id, kind: "step" as const, rank: step.rank }));
    layout(`definition ${definition.id} ${definition.version}`, { nodes, edges }).then(
      (one) => wanted && setPlaced(one),
      (failure: unknown) => wanted && setError(failure),
    );
    return () => {
      wanted = false;
    };
  }, [graph, edges, definition.id, definition.version]);
  const frame = useRef<HTMLDivElement>(null);
  const scale = useScale(frame, placed?.width);
  if (error !== undefined) return <Failed error={error} what="The graph could not be drawn." />;
  if (!placed || placed.nodes.length !== graph.steps.length) return <Skeleton rows={4} height={56} />;
  const slowest = slowestOf(stats);
  const most = Math.max(1, ...[...stats.values()].map((one) => one.runs));
  return (
    <div ref={frame} className="dg scrolls" role="group" aria-label={`Steps of ${visible(definition.name ?? definition.id)}`} tabIndex={0}>
      <div className="dg-sized" style={{ width: (placed.width + MARGIN) * scale, height: (placed.height + MARGIN) * scale }}>
      <div className="dg-area" style={{ width: placed.width + MARGIN, height: placed.height + MARGIN, transform: `scale(${scale})` }}>
        <svg className="dg-lines" width={placed.width + MARGIN} height={placed.height + MARGIN} aria-hidden="true">
          <defs>
            <marker id="dg-arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">
              <path d="M0 .5 8 4 0 7.5z" fill="var(--control)" />
            </marker>
          </defs>
          <g transform="translate(16 16)">
            {placed.edges.map((edge, at) => (
              <path key={edge.id} d={edge.path} markerEnd="url(#dg-arrow)" className={edges[at]?.kind === "error" ? "dg-error-line" : "dg-line"} style={{ strokeWidth: 1 + 2 * ((stats.get(edges[at]?.to ?? "")?.runs ?? 0) / most) }} />
            ))}
          </g>
        </svg>
        {graph.order.map((index) => {
          const step = graph.steps[index];
          const box = step && placed.nodes.find((node) => node.id === step.id);
          return step && box ? (
            <StepBox key={step.id} step={step} x={box.x + 16} y={box.y + 16} stats={stats.get(step.id)} change={changes.get(step.id)?.kind} slowest={step.id === slowest} chosen={step.id === chosen} onChoose={onChoose} />
          ) : null;
        })}
      </div>
      </div>
      {removed.length > 0 && (
        <p className="dg-removed">
          Removed: {removed.map((id) => (
            <code key={id}>
              − <bdi>{visible(id)}</bdi>{" "}
            </code>
          ))}
        </p>
      )}
    </div>
  );
}

/** Around the graph, on both sides together. */
const MARGIN = 32;
const SCALE_MIN = 0.66;

/** A graph that is a little too wide is drawn a little smaller; a larger one is scrolled. */
function useScale(frame: { current: HTMLElement | null }, width: number | undefined): number {
  const [room, setRoom] = useState(0);
  useEffect(() => {
    const element = frame.current;
    if (!element || width === undefined) return;
    const observer = new ResizeObserver(() => setRoom(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame, width]);
  if (room === 0 || width === undefined) return 1;
  const fit = room / (width + MARGIN);
  // What would be too small to read is scrolled in its own size.
  return fit >= 1 || fit < SCALE_MIN ? 1 : fit;
}

function edgesOf(steps: readonly Step[]): Edge[] {
  return steps.flatMap((step) => [
    ...step.dependsOn.map((from) => ({ id: `${from}>${step.index}`, from: steps[from]?.id ?? "", to: step.id, kind: "dependency" as const })),
    ...(step.branchesTo === undefined ? [] : [{ id: `${step.index}!${step.branchesTo}`, from: step.id, to: steps[step.branchesTo]?.id ?? "", kind: "error" as const }]),
  ]);
}

/** The step whose usual time is the longest, where enough is known of it. */
function slowestOf(stats: ReadonlyMap<string, StepStatistics>): string | undefined {
  const known = [...stats.values()].filter((one) => one.p50Ms !== undefined && one.samples >= SAMPLES_MIN);
  return known.sort((a, b) => (b.p50Ms ?? 0) - (a.p50Ms ?? 0))[0]?.stepId;
}

interface StepBoxProps {
  step: Step;
  x: number;
  y: number;
  stats: StepStatistics | undefined;
  change: StepChange["kind"] | undefined;
  slowest: boolean;
  chosen: boolean;
  onChoose(step: string): void;
}

const SIGNS = { added: "+", removed: "−", changed: "Δ" } as const;

const StepBox = memo(function StepBox({ step, x, y, stats, change, slowest, chosen, onChoose }: StepBoxProps) {
  const enough = stats !== undefined && stats.samples >= SAMPLES_MIN && stats.p50Ms !== undefined;
  const failing = stats !== undefined && stats.failed > 0 ? stats.failed / Math.max(1, stats.completed + stats.failed) : 0;
  const words = [visible(step.label), change, enough ? `usually ${duration(stats.p50Ms ?? 0)}, 95 of 100 below ${duration(stats.p95Ms ?? 0)}` : "", failing > 0 ? `${percent(failing)} fail` : "", slowest ? "the slowest" : ""].filter(Boolean).join(", ");
  return (
    <button type="button" className="dg-step" data-change={change} data-chosen={chosen} style={{ left: x, top: y }} title={words} aria-pressed={chosen} onClick={() => onChoose(step.id)}>
      <span className="dg-name">
        {change && (
          <span className="dg-sign">
            <span aria-hidden="true">{SIGNS[change]}</span>
            <span className="only-read-aloud">{change}</span>
          </span>
        )}
        <bdi className="cut">{visible(step.label)}</bdi>
        {slowest && <span className="dg-slowest" title="The slowest step" aria-hidden="true">◆</span>}
        <span className="dg-kinds" aria-hidden="true">
          {step.definition.wait !== undefined && <Sign name="timer" title={`waits ${visible(step.definition.wait)}`} />}
          {step.definition.condition !== undefined && <Sign name="condition" title={visible(step.definition.condition)} />}
          {step.namedBy.length > 0 && <Sign name="error" title="runs when another step fails" />}
        </span>
      </span>
      <span className="dg-more">
        {enough ? (
          <span className="num cut">
            {duration(stats.p50Ms ?? 0)} <span className="dg-faint">p95 {duration(stats.p95Ms ?? 0)}</span>
          </span>
        ) : (
          <code className="cut">{visible(step.action)}</code>
        )}
        {failing > 0 && <span className="dg-failing num">✕ {percent(failing)}</span>}
      </span>
    </button>
  );
});
