// How components read the open execution.

import { createContext, useCallback, useContext, useSyncExternalStore } from "react";
import type { LiveExecution, Shown } from "./live";
import { type EdgeLook, edgeLook, edgesLook, type Look } from "./looks";

const Open = createContext<LiveExecution | undefined>(undefined);
export const OpenExecution = Open.Provider;

export function useOpen(): LiveExecution {
  const open = useContext(Open);
  if (open === undefined) throw new Error("no execution is open here");
  return open;
}

/** All of it: renders with every change. For the few parts that show the whole. */
export function useShown(open: LiveExecution): Shown {
  return useSyncExternalStore(open.watch, open.shown);
}

/** One thing of it: renders only when that changes. */
export function useOf<T extends string | number | boolean | undefined>(open: LiveExecution, read: (shown: Shown) => T): T {
  return useSyncExternalStore(open.watch, () => read(open.shown()));
}

export function useLook(step: number): Look {
  const open = useOpen();
  const watch = useCallback((listener: () => void) => open.watchSteps([step], listener), [open, step]);
  return useSyncExternalStore(watch, () => open.look(step));
}

/** Something that is derived from some steps and compares equal while it stays the same: a text, a number. */
export function useOfSteps<T extends string | number | boolean>(steps: readonly number[], read: (looks: Look[]) => T): T {
  const open = useOpen();
  const watch = useCallback((listener: () => void) => open.watchSteps(steps, listener), [open, steps]);
  return useSyncExternalStore(watch, () => read(steps.map((step) => open.look(step))));
}

export function useEdgeLook(kind: "dependency" | "error", pairs: readonly (readonly [number, number])[]): EdgeLook {
  const open = useOpen();
  const watch = useCallback((listener: () => void) => open.watchSteps([...new Set(pairs.flat())], listener), [open, pairs]);
  return useSyncExternalStore(watch, () => edgesLook(pairs.map(([from, to]) => edgeLook(kind, open.look(from), open.look(to)))));
}

export function useIsSelected(step: string): boolean {
  const open = useOpen();
  return useSyncExternalStore(open.watchSelected, () => open.selected() === step);
}
