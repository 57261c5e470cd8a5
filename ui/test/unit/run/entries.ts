// Entries of a history, written short: with what the server sends besides in every entry of the type.
import type { HistoryEntry } from "../../../src/run/history";

export interface Short {
  seq: number;
  timestamp: number;
  type: HistoryEntry["type"];
  stepId?: string;
  attempt?: number;
  data?: object;
}

const ALWAYS: Partial<Record<HistoryEntry["type"], object>> = {
  start: { workflowVersion: 1, triggeredBy: { type: "manual" } },
  step_ready: { cause: "condition" },
  step_fail: { error: { message: "" } },
  step_skip: { cause: "dependencies" },
  step_interrupted: { cause: "lost" },
  retry: { reset: [] },
  fail: { error: { message: "" } },
};

export function entry(short: Short): HistoryEntry {
  const data = { ...ALWAYS[short.type], ...short.data };
  return { ...short, ...(Object.keys(data).length > 0 && { data }) } as HistoryEntry;
}
