// The parameters of addresses. They are plain: `status=failed&status=running`, as the API has them, so that a person can
// read and write them. What is not understood is left out, never an error.
import type { Attention, ExecutionStatus } from "../api/types";

export type RawSearch = Record<string, string | string[] | undefined>;

export function parseSearch(text: string): RawSearch {
  const out: RawSearch = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const before = out[name];
    out[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return out;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (value === undefined || value === null || value === "") continue;
    if (Array.isArray(value)) for (const one of value) parameters.append(name, String(one));
    else parameters.append(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

type Raw = Record<string, unknown>;

export function text(raw: Raw, name: string): string | undefined {
  const value = Array.isArray(raw[name]) ? (raw[name] as unknown[])[0] : raw[name];
  return value === undefined || value === null || value === "" ? undefined : String(value);
}

export function texts(raw: Raw, name: string): string[] | undefined {
  const value = raw[name];
  const all = (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]).map(String).filter((one) => one !== "");
  return all.length === 0 ? undefined : [...new Set(all)];
}

export function whole(raw: Raw, name: string): number | undefined {
  const value = text(raw, name);
  return value !== undefined && /^\d{1,16}$/.test(value) ? Number(value) : undefined;
}

export function oneOf<T extends string>(raw: Raw, name: string, values: readonly T[]): T | undefined {
  const value = text(raw, name);
  return values.find((one) => one === value);
}

function someOf<T extends string>(raw: Raw, name: string, values: readonly T[]): T[] | undefined {
  const all = texts(raw, name)?.filter((one): one is T => (values as readonly string[]).includes(one));
  return all?.length ? all : undefined;
}

/** Leaves out what is undefined, so that addresses and keys of caches hold only what was said. */
export function said<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
}

export const STATUSES = ["running", "waiting", "paused", "failed", "completed", "cancelled", "pending"] as const satisfies readonly ExecutionStatus[];
export const ATTENTIONS = ["retrying", "noWorker", "overdue"] as const satisfies readonly Attention[];
export const TRIGGERS = ["manual", "event", "schedule", "replay", "error"] as const;
export const SPANS = ["15m", "1h", "24h", "7d"] as const;
export const WINDOWS = ["1h", "24h", "7d"] as const;

export type Span = (typeof SPANS)[number];
export type WindowName = (typeof WINDOWS)[number] | "30d";

export interface ExecutionsSearch {
  workflow?: string[];
  version?: number;
  status?: ExecutionStatus[];
  attention?: Attention;
  error?: string;
  by?: (typeof TRIGGERS)[number];
  since?: Span;
  from?: number;
  to?: number;
  q?: string;
}

export function executionsSearch(raw: Raw): ExecutionsSearch {
  return said({
    workflow: texts(raw, "workflow"),
    version: whole(raw, "version"),
    status: someOf(raw, "status", STATUSES),
    attention: oneOf(raw, "attention", ATTENTIONS),
    error: text(raw, "error"),
    by: oneOf(raw, "by", TRIGGERS),
    since: oneOf(raw, "since", SPANS),
    from: whole(raw, "from"),
    to: whole(raw, "to"),
    q: text(raw, "q")?.slice(0, 200),
  }) as ExecutionsSearch;
}

export interface RunSearch {
  view?: "graph" | "timeline";
  tab?: "step" | "state" | "history" | "definition";
  step?: string;
  attempt?: number;
  seq?: number;
  types?: string;
  hq?: string;
  t0?: number;
  t1?: number;
  open?: string;
}

export function runSearch(raw: Raw): RunSearch {
  return said({
    view: oneOf(raw, "view", ["graph", "timeline"] as const),
    tab: oneOf(raw, "tab", ["step", "state", "history", "definition"] as const),
    step: text(raw, "step"),
    attempt: whole(raw, "attempt"),
    seq: whole(raw, "seq"),
    types: text(raw, "types"),
    hq: text(raw, "hq"),
    t0: whole(raw, "t0"),
    t1: whole(raw, "t1"),
    open: text(raw, "open"),
  }) as RunSearch;
}

export interface WorkflowsSearch {
  q?: string;
  window?: (typeof WINDOWS)[number];
}

export function workflowsSearch(raw: Raw): WorkflowsSearch {
  return said({ q: text(raw, "q"), window: oneOf(raw, "window", WINDOWS) }) as WorkflowsSearch;
}

export interface WorkflowSearch {
  version?: number;
  compare?: number;
  window?: (typeof WINDOWS)[number];
  tab?: "steps" | "triggers" | "versions";
  step?: string;
}

export function workflowSearch(raw: Raw): WorkflowSearch {
  return said({
    version: whole(raw, "version"),
    compare: whole(raw, "compare"),
    window: oneOf(raw, "window", WINDOWS),
    tab: oneOf(raw, "tab", ["steps", "triggers", "versions"] as const),
    step: text(raw, "step"),
  }) as WorkflowSearch;
}

export interface StartSearch {
  from?: string;
}

export function startSearch(raw: Raw): StartSearch {
  return said({ from: text(raw, "from") }) as StartSearch;
}

export interface ErrorsSearch {
  workflow?: string;
  version?: number;
  window?: WindowName;
}

export function errorsSearch(raw: Raw): ErrorsSearch {
  return said({
    workflow: text(raw, "workflow"),
    version: whole(raw, "version"),
    window: oneOf(raw, "window", [...WINDOWS, "30d"] as const),
  }) as ErrorsSearch;
}

export interface EventsSearch {
  event?: string;
  id?: string;
}

export function eventsSearch(raw: Raw): EventsSearch {
  return said({ event: text(raw, "event"), id: text(raw, "id") }) as EventsSearch;
}

export interface JobSearch {
  outcome?: "failed" | "done" | "skipped";
}

export function jobSearch(raw: Raw): JobSearch {
  return said({ outcome: oneOf(raw, "outcome", ["failed", "done", "skipped"] as const) }) as JobSearch;
}

export interface SystemSearch {
  tab?: "workers" | "actions" | "jobs";
  action?: string;
}

export function systemSearch(raw: Raw): SystemSearch {
  return said({ tab: oneOf(raw, "tab", ["workers", "actions", "jobs"] as const), action: text(raw, "action") }) as SystemSearch;
}
