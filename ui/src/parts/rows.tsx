// j, k and Enter in a short table, whose rows each have one main link marked with `data-row`.
import { useRef } from "react";
import { type Key, useKeys } from "../frame/keys";

export function useRowKeys(name: string, more: readonly Key[] = []) {
  const table = useRef<HTMLTableElement>(null);
  const go = (by: number): void => {
    const links = [...(table.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [])];
    const row = document.activeElement?.closest("tr");
    const at = row ? links.findIndex((link) => row.contains(link)) : -1;
    links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
  };
  useKeys(name, [
    { keys: ["j", "ArrowDown"], label: "Next", run: () => go(1) },
    { keys: ["k", "ArrowUp"], label: "Previous", run: () => go(-1) },
    ...more,
  ]);
  return table;
}
