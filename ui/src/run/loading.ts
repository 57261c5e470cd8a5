// Reads the history of an execution and follows it: pages first, then the stream from where they ended; entries that are missed
// are read again.

import { useEffect, useState } from "react";
import { get } from "../api/client";
import { path } from "../api/routes";
import { openStream, type StreamEvent } from "../api/stream";
import type { HistoryEntry } from "./history";
import type { LiveExecution } from "./live";

export interface Loading {
  readonly state: "reading" | "whole" | "failed";
  readonly error: unknown;
  /** How many entries there are, as far as that is known. */
  readonly total: number | undefined;
  /** How many have been read. */
  readonly read: number;
}

const PAGE = 1_000;

/** `again` rises when it has to be followed again: the execution went on after its end, or a person asked. */
export function useHistory(id: string, open: LiveExecution | undefined, again: number, onEnd: () => void): Loading {
  const [loading, setLoading] = useState<Loading>({ state: "reading", error: undefined, total: undefined, read: 0 });
  useEffect(() => {
    if (open === undefined) return;
    const left = new AbortController();
    let close: (() => void) | undefined;
    const read = async () => {
      for (;;) {
        const page = await get("/executions/{id}/history", { path: { id }, query: { after: open.lastSeq, limit: PAGE, payloads: "none" }, signal: left.signal });
        if (left.signal.aborted) return;
        open.take(page.entries);
        const whole = page.nextCursor === undefined || page.entries.length === 0;
        if (whole) open.hasWhole();
        setLoading({ state: whole ? "whole" : "reading", error: undefined, total: page.total, read: open.lastSeq });
        if (whole) return;
      }
    };
    const follow = () => {
      close = openStream({
        path: path("/executions/{id}/stream", { id }),
        query: { payloads: "none" },
        lastEventId: String(open.lastSeq),
        onEvents: (events) => {
          const entries = entriesOf(events);
          // `hello` comes first, alone where nothing is new: nothing is drawn of it. That the clock learns from it is the stream's.
          if (entries.length > 0 && !open.take(entries)) void read().catch(() => undefined);
          if (events.some((event) => event.event === "end")) {
            close?.();
            onEnd();
          }
        },
      });
    };
    read().then(
      () => left.signal.aborted || follow(),
      (error: unknown) => left.signal.aborted || setLoading({ state: "failed", error, total: undefined, read: open.lastSeq }),
    );
    return () => {
      left.abort();
      close?.();
    };
    // `onEnd` is the same for the whole life of the screen.
  }, [id, open, again]);
  return loading;
}

function entriesOf(events: readonly StreamEvent[]): HistoryEntry[] {
  return events.filter((event) => event.event === "message").map((event) => JSON.parse(event.data) as HistoryEntry);
}
