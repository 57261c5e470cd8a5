// Light, dark, or as the system has it. `public/first.js` sets what was chosen before the first paint.
import { useSyncExternalStore } from "react";
import { kept } from "../frame/kept";

export type Theme = "system" | "light" | "dark";

const ORDER: readonly Theme[] = ["system", "light", "dark"];
const listeners = new Set<() => void>();

export function theme(): Theme {
  const chosen = kept.get("theme");
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

export function cycleTheme(): void {
  const next = ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length] ?? "system";
  kept.set("theme", next === "system" ? null : next);
  if (next === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
  for (const listener of listeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, theme);
}
