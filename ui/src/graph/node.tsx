// The nodes of the graph. Each watches the steps that it shows, and nothing else: an event renders one of them.

import { Handle, type NodeProps, type Node as FlowNode, Position } from "@xyflow/react";
import { memo } from "react";
import { visible } from "../format/text";
import { Mark } from "../parts/status";
import { useIsSelected, useLook, useOfSteps, useOpen } from "../run/hooks";
import { type Look, type LookKind, mostUrgent, urgency } from "../run/looks";
import { NodeDetail } from "./detail";
import type { GraphNode } from "./folding";
import { Sign } from "./signs";
import { at } from "./steps";
import { besides, markOf, nameOfLook, wordOf } from "./words";

export interface NodeData extends Record<string, unknown> {
  readonly node: GraphNode;
  readonly critical: boolean;
  onChoose(node: GraphNode): void;
}

type Props = NodeProps<FlowNode<NodeData>>;

/** React Flow draws edges only between handles; ours are not for connecting. */
function Ports() {
  return (
    <>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </>
  );
}

export const StepNode = memo(function StepNode({ data }: Props) {
  const { graph } = useOpen();
  const step = at(graph.steps, at(data.node.steps, 0));
  const look = useLook(step.index);
  const selected = useIsSelected(step.id);
  const { condition, wait } = step.definition;
  return (
    <>
      <Ports />
      <button
        type="button"
        className="node"
        data-look={look.kind}
        data-step={step.id}
        aria-pressed={selected}
        title={nameOfLook(step, look)}
        onClick={() => data.onChoose(data.node)}
      >
        <Mark kind={markOf(look.kind)} size={18} />
        <span className="node-text">
          <span className="node-name">
            <bdi className="cut">{visible(step.label)}</bdi>
            {data.critical && <Sign name="critical" title="On the critical path" size={9} />}
          </span>
          <span className="node-more">
            <NodeDetail step={step} look={look} />
          </span>
        </span>
        <span className="node-signs" aria-hidden="true">
          {wait !== undefined && <Sign name="timer" title={`waits ${wait}`} />}
          {condition !== undefined && <Sign name="condition" title={condition} />}
          {step.namedBy.length > 0 && <Sign name="error" title="runs when another step fails" />}
        </span>
        <span className="only-read-aloud">{besides(step, look)}</span>
      </button>
    </>
  );
});

export const FoldNode = memo(function FoldNode({ data }: Props) {
  const { node } = data;
  const { graph } = useOpen();
  const kind = useOfSteps(node.members, (looks) => mostUrgent(looks.map((look) => look.kind)));
  const counts = useOfSteps(node.members, (looks) => countsOf(looks));
  const first = at(graph.steps, at(node.members, 0)).label;
  const last = at(graph.steps, at(node.members, node.members.length - 1)).label;
  const words = counts.split(", ").map((one) => one.split(" ") as [string, LookKind]);
  const name = `${node.members.length} steps, ${visible(first)} to ${visible(last)}: ${words.map(([count, kind]) => `${count} ${wordOf(kind)}`).join("; ")}`;
  return (
    <>
      <Ports />
      <button type="button" className="node node-fold" data-look={kind} data-fold={node.kind} title={`${name}. Click to unfold`} onClick={() => data.onChoose(node)}>
        <Mark kind={markOf(kind)} size={18} />
        <span className="node-text">
          <span className="node-name">
            <span className="cut">{node.members.length} steps</span>
          </span>
          <span className="node-more">
            <FoldCounts steps={node.members} />
          </span>
        </span>
        <span className="only-read-aloud">{`, ${name}. Unfold`}</span>
      </button>
    </>
  );
});

function countsOf(looks: readonly Look[]): string {
  const counts = new Map<LookKind, number>();
  for (const { kind } of looks) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => urgency(a) - urgency(b)).map(([kind, count]) => `${count} ${kind}`).join(", ");
}

const COUNTS_MAX = 3;

function FoldCounts({ steps }: { steps: readonly number[] }) {
  const text = useOfSteps(steps, countsOf);
  const counts = text.split(", ").map((one) => one.split(" ") as [string, LookKind]);
  return (
    <span className="node-counts">
      {counts.slice(0, COUNTS_MAX).map(([count, kind]) => (
        <span key={kind}>
          {count}
          <Mark kind={markOf(kind)} size={12} />
        </span>
      ))}
    </span>
  );
}

/** A failure of a step starts this workflow: a tag, since no step of this graph is meant. */
export const HandlerNode = memo(function HandlerNode({ data }: Props) {
  const { workflow } = data.node;
  return (
    <>
      <Ports />
      <a className="node-handler" href={`/workflows/${encodeURIComponent(workflow ?? "")}`} title="A failure starts this workflow">
        <Sign name="error" />
        <bdi className="cut">{visible(workflow ?? "")}</bdi>
      </a>
    </>
  );
});

export const nodeTypes = { step: StepNode, chain: FoldNode, fan: FoldNode, handler: HandlerNode };
