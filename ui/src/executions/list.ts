// The rows that are loaded, kept true by the stream. An external store: a change of one row renders that row. The order is
// never changed under a pointer: what is new waits until it is let in.
import { summaries } from "../api/calls";
import { get } from "../api/client";
import { now } from "../api/clock";
import { Watched } from "../api/store";
import { openStream, type StreamEvent } from "../api/stream";
import { token } from "../api/token";
import type { Counts, ExecutionFilter, ExecutionPage, ExecutionSummary } from "../api/types";

const PAGE = 100;
/** A list that stands at its top for hours lets go of its far end; scrolling there reads it again. */
const LIVE_ROWS_MAX = 2_000;
const LIVE_ROWS_LEFT = 1_000;
/** Of a list that was scrolled far, the rows of twenty pages are kept; of the others their ids, to read them again by. */
const ROWS_MAX = 20 * PAGE;

export interface ListState {
  /** Newest first. */
  ids: readonly string[];
  /** Executions that are new and not let in yet. */
  waiting: number;
  phase: "first" | "ready" | "more" | "failed";
  error: unknown;
  /** Whether there is more to read. */
  ended: boolean;
  /** A search that ran out of time: how far it has looked. */
  searchedTo: number | undefined;
}

export class ExecutionList {
  readonly state = new Watched<ListState>({ ids: [], waiting: 0, phase: "first", error: null, ended: false, searchedTo: undefined });
  readonly counts = new Watched<Counts | null>(null);
  readonly #filter: ExecutionFilter;
  readonly #rows = new Map<string, Watched<ExecutionSummary>>();
  /** The ids of the state, to look one up. */
  #known = new Set<string>();
  readonly #waiting = new Map<string, ExecutionSummary>();
  readonly #gone = new Set<string>();
  #cursor: string | undefined;
  #reading: AbortController | null = null;
  #close: (() => void) | null = null;
  #frozen = false;
  #stale = false;
  #filling = false;
  /** Where the list was scrolled to, for the way back. */
  scrollTop = 0;
  /** Rows that are kept wherever they are: those that are selected. */
  pinned: ReadonlySet<string> = new Set();

  constructor(filter: ExecutionFilter) {
    this.#filter = filter;
  }

  row(id: string): Watched<ExecutionSummary> | undefined {
    return this.#rows.get(id);
  }

  isGone(id: string): boolean {
    return this.#gone.has(id);
  }

  /** Reads and listens until the returned function is called. What was read is kept for the way back. */
  open(): () => void {
    if (this.state.get().phase === "first") void this.#read(undefined);
    else void this.refresh();
    void this.readCounts();
    this.#close = openStream({
      path: "/executions/stream",
      query: { ...this.#filter, q: undefined },
      onEvents: (events) => this.#take(events),
      onOpen: ({ again, resumed }) => {
        if (again && !resumed) void this.refresh();
      },
    });
    const unwatch = token.watch(() => {
      if (this.state.get().phase === "failed") this.retry();
      else void this.refresh();
      void this.readCounts();
    });
    return () => {
      unwatch();
      this.#close?.();
      this.#close = null;
      this.#reading?.abort();
      this.#reading = null;
    };
  }

  /** The pointer or the focus is in the table, or it is scrolled: rows stay where they are. */
  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    if (!frozen) this.letIn();
  }

  /** Lets in what is new, and drops what matches no more. */
  letIn(): void {
    if (this.#waiting.size === 0 && this.#gone.size === 0) return;
    for (const [id, row] of this.#waiting) this.#rows.set(id, new Watched(row));
    const ids = new Set(this.#known);
    for (const id of this.#waiting.keys()) ids.add(id);
    for (const id of this.#gone) {
      ids.delete(id);
      this.#rows.delete(id);
    }
    this.#waiting.clear();
    this.#gone.clear();
    this.#set({ ids: this.#cut(newestFirst(ids)), waiting: 0 });
  }

  #cut(ids: string[]): string[] {
    if (ids.length <= LIVE_ROWS_MAX || this.scrollTop > 0) return ids;
    for (const id of ids.slice(LIVE_ROWS_LEFT)) this.#rows.delete(id);
    // A cursor means "older than this id", so that a list can end anywhere.
    this.#cursor = ids[LIVE_ROWS_LEFT - 1];
    this.#set({ ended: false });
    return ids.slice(0, LIVE_ROWS_LEFT);
  }

  /** What is in sight, by its place: rows far from it are let go, rows that were let go are read again. */
  see(first: number, last: number): void {
    const { ids } = this.state.get();
    if (this.#rows.size > ROWS_MAX) {
      const near = ROWS_MAX / 2 - PAGE;
      ids.forEach((id, at) => {
        if ((at < first - near || at > last + near) && !this.pinned.has(id)) this.#rows.delete(id);
      });
    }
    for (let at = Math.max(0, first); at <= Math.min(last, ids.length - 1); at += 1) {
      if (!this.#rows.has(ids[at] ?? "")) return void this.#fill(at, last);
    }
  }

  /** Reads the page that begins with the row at this place, by the id before it. What is missing in it matches no more. */
  async #fill(at: number, last: number): Promise<void> {
    if (this.#filling) return;
    const { ids } = this.state.get();
    // On the way up the rows above are wanted next: the page is taken so that it ends with what is in sight.
    const from = this.#rows.has(ids[last + 1] ?? "") || last >= ids.length - 1 ? Math.max(0, last + 1 - PAGE) : at;
    this.#filling = true;
    try {
      const page = await this.#ask(from === 0 ? undefined : ids[from - 1]);
      const found = new Set(page.executions.map((row) => row.id));
      for (const row of page.executions) if (this.#known.has(row.id)) this.#store(row);
      const end = page.nextCursor;
      const gone = ids.slice(from).filter((id) => (end === undefined || id >= end) && !found.has(id) && !this.#rows.has(id));
      if (gone.length > 0) for (const id of gone) this.#known.delete(id);
      this.#filling = false;
      this.#set({ ids: gone.length > 0 ? newestFirst(this.#known) : [...this.state.get().ids] });
    } catch {
      // The line above says that the connection is lost; the next look asks again.
      this.#filling = false;
    }
  }

  async more(): Promise<void> {
    const { phase, ended } = this.state.get();
    if (ended || phase === "more" || phase === "first") return;
    await this.#read(this.#cursor);
  }

  /** Reads the newest page again and puts what it says over what is there. */
  async refresh(): Promise<void> {
    if (this.state.get().phase === "first") return this.#read(undefined);
    try {
      const page = await this.#ask(undefined);
      for (const row of page.executions) this.#put(row);
      this.#afterPut();
      void this.readCounts();
    } catch (error) {
      if (this.state.get().ids.length === 0) this.#set({ phase: "failed", error });
    }
  }

  retry(): void {
    this.#set({ phase: this.state.get().ids.length === 0 ? "first" : "ready", error: null });
    void this.#read(this.#cursor);
  }

  #set(change: Partial<ListState>): void {
    if (change.ids) this.#known = new Set(change.ids);
    this.state.set({ ...this.state.get(), ...change });
  }

  #ask(cursor: string | undefined, signal?: AbortSignal): Promise<ExecutionPage> {
    return summaries({ ...this.#filter, limit: PAGE, cursor }, signal);
  }

  async #read(cursor: string | undefined): Promise<void> {
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    if (cursor !== undefined) this.#set({ phase: "more" });
    try {
      const page = await this.#ask(cursor, reading.signal);
      if (reading.signal.aborted) return;
      const ids = new Set(this.#known);
      for (const row of page.executions) {
        this.#store(row);
        this.#waiting.delete(row.id);
        ids.add(row.id);
      }
      this.#cursor = page.nextCursor;
      this.#set({
        ids: newestFirst(ids),
        phase: "ready",
        error: null,
        ended: page.nextCursor === undefined,
        searchedTo: !page.complete ? page.searchedTo : undefined,
        waiting: this.#waiting.size,
      });
    } catch (error) {
      if (!reading.signal.aborted) this.#set({ phase: "failed", error });
    }
  }

  async readCounts(): Promise<void> {
    const { status: _, attention: __, ...filter } = this.#filter;
    // Searches and triggers are not counted; a number that means something else is worse than none.
    if (filter.q !== undefined || filter.triggeredBy !== undefined) return;
    try {
      this.counts.set(await get("/executions/counts", { query: filter }));
    } catch {
      // The list says what is wrong with the connection; tabs without numbers are still tabs.
    }
  }

  #store(row: ExecutionSummary): void {
    const known = this.#rows.get(row.id);
    // An answer may be older than what the stream has said meanwhile.
    if (!known) this.#rows.set(row.id, new Watched(row));
    else if (row.lastSeq >= known.get().lastSeq) known.set(row);
  }

  #put(row: ExecutionSummary): void {
    this.#gone.delete(row.id);
    if (this.#rows.has(row.id)) this.#store(row);
    else if (!this.#known.has(row.id)) this.#waiting.set(row.id, row);
  }

  #take(events: readonly StreamEvent[]): void {
    for (const event of events) {
      if (event.event === "upsert") this.#put(JSON.parse(event.data) as ExecutionSummary);
      else if (event.event === "remove") this.#remove((JSON.parse(event.data) as { id: string }).id);
      else if (event.event === "counts") this.counts.set(JSON.parse(event.data) as Counts);
      else if (event.event === "reset") this.#stale = true;
    }
    if (this.#stale) {
      this.#stale = false;
      void this.refresh();
    }
    this.#afterPut();
  }

  #remove(id: string): void {
    this.#waiting.delete(id);
    if (this.#known.has(id)) this.#gone.add(id);
  }

  #afterPut(): void {
    // What lies beyond the oldest row that was read comes with its page.
    const { ids, ended } = this.state.get();
    const oldest = ids.at(-1);
    if (!ended && oldest !== undefined) for (const id of this.#waiting.keys()) if (id < oldest) this.#waiting.delete(id);
    if (!this.#frozen) this.letIn();
    else this.#set({ waiting: this.#waiting.size });
  }
}

/** Ids begin with their time: text order is start order. */
function newestFirst(ids: Iterable<string>): string[] {
  return [...ids].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
}

const kept = new Map<string, { list: ExecutionList; at: number }>();
const KEPT_MS = 10 * 60_000;
const KEPT_LISTS = 5;

/** The list of a filter: the one that was left a moment ago, so that going back shows what was there, where it was. */
export function listOf(key: string, filter: () => ExecutionFilter): ExecutionList {
  const found = kept.get(key);
  if (found && now() - found.at < KEPT_MS) return found.list;
  const list = new ExecutionList(filter());
  kept.delete(key);
  kept.set(key, { list, at: now() });
  const oldest = kept.keys().next().value;
  if (kept.size > KEPT_LISTS && oldest !== undefined) kept.delete(oldest);
  return list;
}

/** The execution before and after one in the list that was open last. */
export function neighbours(id: string): { newer?: string; older?: string } {
  for (const { list } of [...kept.values()].reverse()) {
    const { ids } = list.state.get();
    const at = ids.indexOf(id);
    if (at < 0) continue;
    const newer = ids[at - 1];
    const older = ids[at + 1];
    return { ...(newer !== undefined && { newer }), ...(older !== undefined && { older }) };
  }
  return {};
}
