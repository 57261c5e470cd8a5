// The engines that share a database, in words.
import type { Node } from "../api/types";
import { count, counted, percent } from "../format/text";

/** Every execution is in one of so many slots, and each slot belongs to an engine. */
const SLOTS = 4096;

/** Its part of the executions, from 0 to 1. */
export function shareOf(node: Node): number {
  return node.slots / SLOTS;
}

export type Standing = "live" | "coming" | "lapsed";

export function standingOf({ status, slots }: Node): Standing {
  if (status === "lapsed") return "lapsed";
  return slots === 0 ? "coming" : "live";
}

/** What one who comes to look should know first. */
export function answer(nodes: readonly Node[]): { words: string; bad: boolean } {
  const lapsed = nodes.filter((node) => node.status === "lapsed");
  const live = nodes.length - lapsed.length;
  // Nobody decides about these now: those of engines that do not answer, and those of engines that have gone already.
  const still = SLOTS - nodes.reduce((sum, node) => (node.status === "lapsed" ? sum : sum + node.slots), 0);
  const stands = still === 0 ? "" : `${percent(still / SLOTS)} of the executions stand still until another engine takes them over.`;
  if (lapsed.length > 0) {
    const words = `${count(lapsed.length)} of ${counted(nodes.length, "engine")} ${lapsed.length === 1 ? "has" : "have"} not been heard from.`;
    return { words: `${words} ${stands}`.trim(), bad: true };
  }
  if (stands !== "") return { words: stands, bad: true };
  return { words: `${counted(live, "engine")} share the executions; what is shown above is of the one that answered.`, bad: false };
}
