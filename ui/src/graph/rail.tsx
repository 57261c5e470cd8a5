// The steps as a list: what a phone shows instead of the graph, and the equal of it for whoever does not see one. In the order of
// the graph; forks are indented; what is folded in the graph is folded here.

import { memo } from "react";
import { visible } from "../format/text";
import { Icon } from "../parts/icons";
import { Mark } from "../parts/status";
import { useIsSelected, useLook, useOf, useOfSteps, useOpen } from "../run/hooks";
import { mostUrgent } from "../run/looks";
import { NodeTime, Pips, pipsOf } from "./detail";
import type { FoldedGraph, GraphNode } from "./folding";
import { Sign } from "./signs";
import { at, type StepGraph } from "./steps";
import { besides, markOf, skipWords, wordOf } from "./words";

interface RailProps {
  folded: FoldedGraph;
  label: string;
  onChoose(node: GraphNode): void;
}

const INDENT_MAX = 4;

export function Rail({ folded, label, onChoose }: RailProps) {
  const { graph } = useOpen();
  return (
    <ul className="steplist" aria-label={label}>
      {folded.nodes
        .filter((node) => node.kind !== "handler")
        .map((node) => (
          <li key={node.id}>
            {node.kind === "step" ? (
              <RailStep index={at(node.steps, 0)} indent={indentOf(graph, at(node.steps, 0))} node={node} onChoose={onChoose} />
            ) : (
              <RailFold node={node} indent={indentOf(graph, at(node.steps, 0))} onChoose={onChoose} />
            )}
          </li>
        ))}
    </ul>
  );
}

/** How many forks are open where a step begins: siblings of one fork stand one further in than what they come from. */
function indentOf(graph: StepGraph, index: number): number {
  let depth = 0;
  for (let step: number | undefined = index; step !== undefined && depth < INDENT_MAX; ) {
    const { dependsOn, namedBy }: { dependsOn: readonly number[]; namedBy: readonly number[] } = at(graph.steps, step);
    const before: readonly number[] = [...dependsOn, ...namedBy];
    if (before.length !== 1) break;
    const only: number = at(before, 0);
    const from = at(graph.steps, only);
    if (from.dependents.length + (from.branchesTo === undefined ? 0 : 1) > 1) depth += 1;
    step = only;
  }
  return depth;
}

interface RowProps {
  node: GraphNode;
  indent: number;
  onChoose(node: GraphNode): void;
}

const RailStep = memo(function RailStep({ index, node, indent, onChoose }: RowProps & { index: number }) {
  const { graph } = useOpen();
  const step = at(graph.steps, index);
  const look = useLook(index);
  const selected = useIsSelected(step.id);
  const { record } = look;
  const pips = pipsOf(step, look);
  return (
    <button
      type="button"
      className="steplist-row"
      data-look={look.kind}
      data-step={step.id}
      aria-pressed={selected}
      style={{ "--indent": indent } as React.CSSProperties}
      onClick={() => onChoose(node)}
    >
      {indent > 0 && (
        <span className="steplist-sign" data-error={step.namedBy.length > 0 || undefined} aria-hidden="true">
          <Sign name={step.namedBy.length > 0 ? "error" : "fork"} />
        </span>
      )}
      <Mark kind={markOf(look.kind)} />
      <span className="steplist-name">
        <bdi className="cut">{visible(step.label)}</bdi>
        <RailWhy index={index} />
      </span>
      <span className="steplist-time">
        {pips && <Pips failed={record.failedAttempts} max={step.attemptsMax} running={record.state.kind === "running"} />}
        <NodeTime look={look} />
      </span>
      <span className="only-read-aloud">{besides(step, look)}</span>
    </button>
  );
});

/** `waits for charge`, `condition false`. */
function RailWhy({ index }: { index: number }) {
  const open = useOpen();
  const { graph } = open;
  const step = at(graph.steps, index);
  const { kind, record } = useLook(index);
  const over = useOf(open, ({ execution }) => execution.phase.kind !== "active");
  const waitsFor = useOfSteps(step.dependsOn, (looks) => {
    const first = looks.findIndex((look) => look.record.endedAt === undefined);
    return first < 0 || kind !== "notYet" || over ? "" : at(graph.steps, at(step.dependsOn, first)).label;
  });
  if (record.state.kind === "skipped") return <span className="steplist-why cut">{skipWords(record.state.cause)}</span>;
  if (kind === "noWorker" || kind === "paused") return <span className="steplist-why cut">{wordOf(kind)}</span>;
  if (over && kind === "notYet") return <span className="steplist-why">did not run</span>;
  if (waitsFor === "") return null;
  return (
    <span className="steplist-why cut">
      waits for <bdi>{visible(waitsFor)}</bdi>
    </span>
  );
}

function RailFold({ node, indent, onChoose }: RowProps) {
  const kind = useOfSteps(node.members, (looks) => mostUrgent(looks.map((look) => look.kind)));
  const done = useOfSteps(node.members, (looks) => looks.filter((look) => look.kind === "completed").length);
  return (
    <button type="button" className="steplist-row" data-look={kind} style={{ "--indent": indent } as React.CSSProperties} onClick={() => onChoose(node)}>
      <Mark kind={markOf(kind)} />
      <span className="steplist-name">
        <span className="cut">{node.members.length} steps</span>
        <span className="steplist-why">
          {done} completed
        </span>
      </span>
      <span className="steplist-time">
        <Icon name="right" size={12} />
        <span className="only-read-aloud">, unfold</span>
      </span>
    </button>
  );
}
