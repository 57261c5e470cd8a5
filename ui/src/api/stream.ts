// Server-sent events, by `fetch`: `EventSource` cannot send a token in a header. It reconnects by itself with
// `Last-Event-ID`, notices a connection that is dead but not closed, and is closed while the tab is hidden for long, since
// a browser allows six connections to a host over all tabs.
import { address, Problem, type Query } from "./client";
import { learnServerTime } from "./clock";
import { Watched } from "./store";
import { authorization, refused, token } from "./token";

export interface StreamEvent {
  /** `message` unless the server named it. */
  event: string;
  id: string | null;
  data: string;
}

export type Connection =
  | { kind: "none" }
  | { kind: "connecting" }
  | { kind: "live" }
  | { kind: "paused" }
  | { kind: "lost"; since: number; retryAt: number }
  | { kind: "refused"; problem: Problem };

/** The connection of the screen that is open, for the dot in the bar and the line under it. */
export const connection = new Watched<Connection>({ kind: "none" });

/** Whether the person has stopped live changes (a click on the dot). */
export const livePaused = new Watched(false);

export interface StreamOptions {
  path: string;
  query?: Query;
  lastEventId?: string | null;
  /** What has come since the last call, in order: at most every 100 ms, every 2 s while the tab is hidden. */
  onEvents(events: StreamEvent[]): void;
  /** The connection stands again after it was lost; `resumed` when the server is asked to go on after the last event. */
  onOpen?(how: { again: boolean; resumed: boolean }): void;
}

const QUIET_MAX_MS = 40_000;
const HIDDEN_MAX_MS = 60_000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/** Opens a stream; what it returns closes it for good. */
export function openStream(options: StreamOptions): () => void {
  const stream = new Stream(options);
  return () => stream.close();
}

class Stream {
  readonly #options: StreamOptions;
  readonly #batch: Batch;
  #lastId: string | null;
  #failures = 0;
  #lostSince: number | null = null;
  #opened = false;
  #closed = false;
  #attempt: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #unwatch: (() => void)[];

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#lastId = options.lastEventId ?? null;
    this.#batch = new Batch(options.onEvents);
    document.addEventListener("visibilitychange", this.#onVisibility);
    window.addEventListener("online", this.#now);
    this.#unwatch = [
      livePaused.watch(() => (livePaused.get() ? this.#pause() : this.#connect())),
      // What was refused without the token is asked again with it.
      token.watch(() => livePaused.get() || this.#connect()),
    ];
    streams.add(this);
    if (livePaused.get()) connection.set({ kind: "paused" });
    else this.#connect();
  }

  close(): void {
    this.#closed = true;
    streams.delete(this);
    this.#stop();
    this.#batch.drop();
    for (const unwatch of this.#unwatch) unwatch();
    document.removeEventListener("visibilitychange", this.#onVisibility);
    window.removeEventListener("online", this.#now);
    if (streams.size === 0) connection.set({ kind: "none" });
  }

  /** "Reconnect now". */
  readonly retryNow = (): void => {
    if (!this.#closed && this.#attempt === null && !livePaused.get()) this.#connect();
  };

  readonly #now = (): void => this.retryNow();

  #pause(): void {
    this.#stop();
    connection.set({ kind: "paused" });
  }

  #stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#hiddenTimer);
    this.#attempt?.abort();
    this.#attempt = null;
  }

  readonly #onVisibility = (): void => {
    clearTimeout(this.#hiddenTimer);
    if (document.hidden) this.#hiddenTimer = setTimeout(() => this.#stop(), HIDDEN_MAX_MS);
    else {
      this.#batch.flush();
      this.retryNow();
    }
  };

  #connect(): void {
    this.#stop();
    if (this.#closed) return;
    const attempt = new AbortController();
    this.#attempt = attempt;
    if (this.#lostSince === null) connection.set({ kind: "connecting" });
    this.#read(attempt).then(
      () => this.#lost(attempt),
      (error: unknown) => {
        if (error instanceof Problem && error.status < 500 && error.status !== 429) this.#refused(attempt, error);
        else this.#lost(attempt);
      },
    );
  }

  #lost(attempt: AbortController): void {
    if (this.#attempt !== attempt) return;
    this.#attempt = null;
    const wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)] ?? 8000;
    this.#failures += 1;
    this.#lostSince ??= Date.now();
    // The server may only have ended a long answer: the first new attempt is made at once, and without a word.
    const first = this.#failures === 1 && this.#opened;
    if (!first) connection.set({ kind: "lost", since: this.#lostSince, retryAt: Date.now() + wait });
    this.#timer = setTimeout(() => this.#connect(), first ? 100 : wait);
  }

  #refused(attempt: AbortController, problem: Problem): void {
    if (this.#attempt !== attempt) return;
    this.#attempt = null;
    connection.set({ kind: "refused", problem });
  }

  async #read(attempt: AbortController): Promise<void> {
    const resumed = this.#lastId !== null;
    const askedAt = Date.now();
    const response = await fetch(address(this.#options.path, this.#options.query), {
      headers: {
        accept: "text/event-stream",
        ...authorization(),
        ...(this.#lastId !== null && { "last-event-id": this.#lastId }),
      },
      credentials: "omit",
      cache: "no-store",
      signal: attempt.signal,
    });
    if (!response.ok || !response.body) {
      if (response.status === 401) refused();
      throw new Problem(response.status, `http_${response.status}`, response.statusText, "", response.headers.get("x-request-id"), {});
    }
    connection.set({ kind: "live" });
    const again = this.#opened;
    this.#opened = true;
    this.#lostSince = null;
    this.#options.onOpen?.({ again, resumed });
    await this.#events(response.body, attempt, askedAt);
  }

  async #events(body: ReadableStream<Uint8Array>, attempt: AbortController, askedAt: number): Promise<void> {
    const lines = new EventLines((event) => {
      this.#failures = 0;
      if (event.id !== null) this.#lastId = event.id;
      if (event.event === "hello") learnHello(event.data, askedAt);
      this.#batch.add(event);
    });
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let quiet: ReturnType<typeof setTimeout> | undefined;
    try {
      for (;;) {
        clearTimeout(quiet);
        // A comment comes every 15 s. Without any the other side is gone, and nobody has said so.
        quiet = setTimeout(() => void reader.cancel(), QUIET_MAX_MS);
        const { done, value } = await reader.read();
        if (done || attempt.signal.aborted) return;
        lines.add(decoder.decode(value, { stream: true }));
      }
    } finally {
      clearTimeout(quiet);
    }
  }
}

const streams = new Set<Stream>();

export function reconnectNow(): void {
  for (const stream of streams) stream.retryNow();
}

function learnHello(data: string, askedAt: number): void {
  try {
    const { serverTime } = JSON.parse(data) as { serverTime?: number };
    if (typeof serverTime === "number") learnServerTime(serverTime, askedAt, Date.now());
  } catch {
    // A server that says hello in another way: the time of the headers stays.
  }
}

/** The lines of a stream, made into events as the standard says. */
export class EventLines {
  readonly #onEvent: (event: StreamEvent) => void;
  #rest = "";
  #data: string[] = [];
  #event = "";
  #id: string | null = null;

  constructor(onEvent: (event: StreamEvent) => void) {
    this.#onEvent = onEvent;
  }

  add(text: string): void {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line === "") {
      if (this.#data.length > 0) this.#onEvent({ event: this.#event || "message", id: this.#id, data: this.#data.join("\n") });
      this.#data = [];
      this.#event = "";
      this.#id = null;
      return;
    }
    if (line.startsWith(":")) return;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
  }
}

const FLUSH_MS = 100;
const HIDDEN_FLUSH_MS = 2000;

/** Collects what comes in one frame or more, so that a hundred events a second render ten times a second. */
class Batch {
  readonly #onEvents: (events: StreamEvent[]) => void;
  #events: StreamEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;
  #last = 0;

  constructor(onEvents: (events: StreamEvent[]) => void) {
    this.#onEvents = onEvents;
  }

  add(event: StreamEvent): void {
    this.#events.push(event);
    if (this.#timer !== undefined || this.#frame !== 0) return;
    if (document.hidden) {
      this.#timer = setTimeout(() => this.flush(), HIDDEN_FLUSH_MS);
      return;
    }
    const wait = Math.max(0, this.#last + FLUSH_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // A tab that became hidden meanwhile gets no frames.
      if (document.hidden) this.flush();
      else this.#frame = requestAnimationFrame(() => this.flush());
    }, wait);
  }

  flush(): void {
    this.#clear();
    if (this.#events.length === 0) return;
    this.#last = performance.now();
    const events = this.#events;
    this.#events = [];
    this.#onEvents(events);
  }

  drop(): void {
    this.#clear();
    this.#events = [];
  }

  #clear(): void {
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    this.#timer = undefined;
    this.#frame = 0;
  }
}
