// One entry of a history in words, and where to get the whole of it.

import { queryOptions } from "@tanstack/react-query";
import { get } from "../api/client";
import { duration } from "../format/duration";
import { oneLine } from "../format/text";
import { when } from "../format/time";
import type { MarkKind } from "../parts/status";
import type { HistoryEntry } from "./history";

/** Entries never change: asked for once. */
export function entryQuery(id: string, seq: number) {
  return queryOptions({
    queryKey: ["entry", id, seq],
    queryFn: ({ signal }) => get("/executions/{id}/history/{seq}", { path: { id, seq }, signal }),
    staleTime: Infinity,
  });
}

export function markOfEntry({ type, data }: HistoryEntry): MarkKind {
  switch (type) {
    case "step_complete":
    case "complete":
      return "completed";
    case "step_fail":
      return data?.retryAt !== undefined ? "retrying" : data?.then === "continue" || data?.then === "branch" ? "failedHandled" : "failed";
    case "fail":
      return "failed";
    case "step_skip":
      return "skipped";
    case "cancel":
    case "step_cancel":
      return "cancelled";
    case "step_start":
      return "running";
    case "wait":
      return "waiting";
    case "pause":
      return "paused";
    case "step_interrupted":
      return "noWorker";
    case "retry":
      return "retrying";
    default:
      return "pending";
  }
}

/** What is said of it behind the step's name: `attempt 2 failed: Card network timeout`. */
export function entryWords(entry: HistoryEntry): string {
  const { type, data, attempt, by } = entry;
  const n = attempt === undefined ? "" : `attempt ${attempt} `;
  const who = by === undefined ? "" : ` by ${by}`;
  switch (type) {
    case "start":
      return `started${who}${data?.triggeredBy?.source === undefined ? "" : `, ${data.triggeredBy.type} ${data.triggeredBy.source}`}`;
    case "step_ready":
      return readyWords(data?.cause) + who;
    case "step_start":
      return `${n}began`;
    case "step_complete":
      return "completed";
    case "step_fail":
      return `${n}failed: ${oneLine(data?.error?.message ?? entry.message ?? "", 160)}${followedBy(entry)}`;
    case "step_skip":
      return data?.cause === "condition" ? "skipped: its condition was false" : data?.cause === "notBranchedTo" ? "skipped: no failure led here" : "skipped: all before it were skipped";
    case "step_cancel":
      return "cancelled";
    case "step_interrupted":
      return data?.cause === "shutdown" ? `${n}interrupted: the engine was stopped` : `${n}interrupted: its worker was lost`;
    case "wait":
      return data?.until === undefined ? "waits" : `waits until ${when(data.until, entry.timestamp)}`;
    case "pause":
      return `paused${who}`;
    case "resume":
      return `resumed${who}`;
    case "retry":
      return `retried${who}: ${(data?.reset ?? []).join(", ")}`;
    case "complete":
      return "completed";
    case "fail":
      return `failed: ${oneLine(data?.error?.message ?? entry.message ?? "", 160)}`;
    case "cancel":
      return `cancelled${who}`;
    default:
      return type;
  }
}

function readyWords(cause: string | undefined): string {
  if (cause === "condition") return "ready: its condition was true";
  if (cause === "timer") return "ready: its wait is over";
  return cause === "runNow" ? "run now" : "ready to be tried again";
}

function followedBy({ data, timestamp }: HistoryEntry): string {
  if (data?.retryAt !== undefined) return `, again in ${duration(data.retryAt - timestamp)}`;
  if (data?.then === "continue") return ", and it goes on";
  if (data?.then === "branch") return ", its error branch runs";
  return data?.then === "startHandler" ? `, ${data.handler ?? "a workflow"} was started` : "";
}

/** The text that a search looks in. */
export const searchable = (entry: HistoryEntry): string => `${entry.seq} ${entry.type} ${entry.stepId ?? ""} ${entryWords(entry)} ${entry.data?.error?.code ?? ""}`.toLowerCase();
