// Where the arrow keys lead from a node: right and left along its edges, up and down within its column.

import type { GraphEdge } from "./folding";
import type { PlacedNode } from "./layout";

export type Direction = "left" | "right" | "up" | "down";

export interface Neighbour {
  readonly id: string;
  /** The edge that was followed; none within a column. */
  readonly edge: GraphEdge | undefined;
}

/** The nearest one in that direction, by height, then by name; none at the border. */
export function neighbour(id: string, direction: Direction, nodes: readonly PlacedNode[], edges: readonly GraphEdge[]): Neighbour | undefined {
  const places = new Map(nodes.map((node) => [node.id, { x: node.x + node.width / 2, y: node.y + node.height / 2 }]));
  const here = places.get(id);
  if (here === undefined) return undefined;
  const away = (other: string) => Math.abs((places.get(other)?.y ?? Infinity) - here.y);
  if (direction === "left" || direction === "right") {
    const forward = direction === "right";
    const ways = edges.filter((edge) => (forward ? edge.from : edge.to) === id);
    const ends = ways.map((edge) => ({ id: forward ? edge.to : edge.from, edge }));
    // Dependencies before error branches where both are as near.
    return ends.sort((a, b) => away(a.id) - away(b.id) || rankOf(a.edge) - rankOf(b.edge) || a.id.localeCompare(b.id))[0];
  }
  const sign = direction === "down" ? 1 : -1;
  const column = nodes.filter((node) => {
    const place = places.get(node.id);
    return place !== undefined && Math.abs(place.x - here.x) < 1 && (place.y - here.y) * sign > 0;
  });
  const nearest = column.sort((a, b) => away(a.id) - away(b.id))[0];
  return nearest === undefined ? undefined : { id: nearest.id, edge: undefined };
}

const rankOf = (edge: GraphEdge): number => (edge.kind === "dependency" ? 0 : 1);
