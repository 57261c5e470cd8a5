// What a list is of: from the address to the API and to words.
import { now } from "../api/clock";
import type { Attention, ExecutionFilter, ExecutionStatus, JobFilter } from "../api/types";
import { clock, date } from "../format/time";
import type { ExecutionsSearch, Span } from "../router/search";

export const SPAN_MS: Record<Span, number> = { "15m": 900_000, "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000 };
export const SPAN_WORDS: Record<Span, string> = { "15m": "Last 15 min", "1h": "Last hour", "24h": "Last 24 h", "7d": "Last 7 d" };
export const TRIGGER_WORDS = { manual: "by hand", event: "by an event", schedule: "by a schedule", replay: "by a replay", error: "by an error" } as const;

/**
 * The parameters of the API. `since` counts back from the moment in which the list is opened, in steps of ten seconds, so
 * that the question (and with it what is cached) does not change with every render.
 */
export function apiFilter(search: ExecutionsSearch, at = now()): ExecutionFilter {
  const since = search.since === undefined ? undefined : Math.floor((at - SPAN_MS[search.since]) / 10_000) * 10_000;
  return {
    workflowId: search.workflow,
    version: search.workflow?.length === 1 ? search.version : undefined,
    status: search.status,
    attention: search.attention,
    errorFingerprint: search.error,
    triggeredBy: search.by,
    startedAfter: since ?? search.from,
    startedBefore: since === undefined ? search.to : undefined,
    q: search.q,
  };
}

/** The same for a job. It has no `q`: what a search has found is selected row by row. */
export function jobFilter(search: ExecutionsSearch, at: number): JobFilter {
  const { q: _, ...query } = apiFilter(search, at);
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as JobFilter;
}

/** Tabs over the list. `pending` is counted with those that run: it lasts for moments. */
export interface Tab {
  key: string;
  label: string;
  status?: ExecutionStatus[];
  attention?: Attention;
  /** Shown only when it is not 0. */
  shy?: boolean;
}

export const TABS: readonly Tab[] = [
  { key: "all", label: "All" },
  { key: "running", label: "Running", status: ["running", "pending"] },
  { key: "waiting", label: "Waiting", status: ["waiting"] },
  { key: "retrying", label: "Retrying", attention: "retrying", shy: true },
  { key: "noWorker", label: "No worker", attention: "noWorker", shy: true },
  { key: "overdue", label: "Overdue", attention: "overdue", shy: true },
  { key: "paused", label: "Paused", status: ["paused"] },
  { key: "failed", label: "Failed", status: ["failed"] },
  { key: "completed", label: "Completed", status: ["completed"] },
  { key: "cancelled", label: "Cancelled", status: ["cancelled"] },
];

export function tabOf(search: ExecutionsSearch): Tab | undefined {
  return TABS.find((tab) => tab.attention === search.attention && [...(tab.status ?? [])].sort().join() === [...(search.status ?? [])].sort().join());
}

export interface Chip {
  key: keyof ExecutionsSearch | "time";
  label: string;
  without: Partial<Record<keyof ExecutionsSearch, undefined>>;
}

/** What narrows the list beside the tabs, each with what has to go for it to go. */
export function chips(search: ExecutionsSearch): Chip[] {
  const out: Chip[] = [];
  if (search.version !== undefined && search.workflow?.length === 1) out.push({ key: "version", label: `v${search.version}`, without: { version: undefined } });
  if (search.error !== undefined) out.push({ key: "error", label: `error ${search.error.slice(0, 8)}`, without: { error: undefined } });
  if (search.by !== undefined) out.push({ key: "by", label: `started ${TRIGGER_WORDS[search.by]}`, without: { by: undefined } });
  if (search.from !== undefined || search.to !== undefined) {
    out.push({ key: "time", label: range(search.from, search.to), without: { from: undefined, to: undefined } });
  }
  if (search.q !== undefined) out.push({ key: "q", label: `id or input has “${search.q}”`, without: { q: undefined } });
  return out;
}

function range(from: number | undefined, to: number | undefined): string {
  const say = (at: number): string => `${date(at, now())} ${clock(at, "minutes")}`;
  if (from !== undefined && to !== undefined) return `${say(from)} to ${say(to)}`;
  return from !== undefined ? `after ${say(from)}` : `before ${say(to ?? 0)}`;
}

export function isFiltered(search: ExecutionsSearch): boolean {
  return Object.values(search).some((value) => value !== undefined);
}

/** For a confirmation: ` of order-processing v7 from the last 24 h with “eu-1”`. */
export function inWords(search: ExecutionsSearch): string {
  const parts: string[] = [];
  if (search.workflow) parts.push(`of ${search.workflow.join(", ")}${search.version === undefined ? "" : ` v${search.version}`}`);
  if (search.since) parts.push(`from the ${SPAN_WORDS[search.since].toLowerCase()}`);
  for (const chip of chips(search)) if (chip.key !== "version") parts.push(chip.key === "error" ? `with ${chip.label}` : chip.key === "q" ? `whose ${chip.label}` : chip.label);
  return parts.length === 0 ? "" : ` ${parts.join(", ")}`;
}
