// The edges of the graph: where they run is the layout's business, what they look like follows the steps at their ends.

import { type EdgeProps, type Edge as FlowEdge } from "@xyflow/react";
import { memo } from "react";
import { useEdgeLook } from "../run/hooks";
import type { GraphEdge } from "./folding";
import type { PlacedEdge } from "./layout";

export interface EdgeData extends Record<string, unknown> {
  readonly edge: GraphEdge;
  readonly placed: PlacedEdge;
  readonly critical: boolean;
}

export const StepEdge = memo(function StepEdge({ data, id }: EdgeProps<FlowEdge<EdgeData>>) {
  const { edge, placed, critical } = data as EdgeData;
  const look = useEdgeLook(edge.kind, edge.pairs);
  return (
    <g className="edge" data-look={look} data-kind={edge.kind} data-critical={critical || undefined}>
      <path id={id} d={placed.path} className="edge-line" markerEnd={`url(#arrow-${arrow(edge.kind, look)})`} />
      {edge.kind === "error" && (
        <text x={placed.startX + 5} y={placed.startY + 12} className="edge-word">
          error
        </text>
      )}
    </g>
  );
});

const arrow = (kind: "dependency" | "error", look: string): string => (kind === "error" ? "error" : look === "taken" ? "taken" : look === "moving" ? "moving" : "open");

/** Arrow heads, one for each colour: a marker cannot take the colour of its line everywhere. */
export function Arrows() {
  return (
    <svg className="edge-arrows" aria-hidden="true" width="0" height="0">
      <defs>
        {["open", "taken", "moving", "error"].map((kind) => (
          <marker key={kind} id={`arrow-${kind}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">
            <path d="M0.5 0.8 7.3 4 0.5 7.2z" data-arrow={kind} />
          </marker>
        ))}
      </defs>
    </svg>
  );
}

export const edgeTypes = { step: StepEdge };
