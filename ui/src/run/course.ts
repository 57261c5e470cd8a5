// The course of an execution: every attempt of every step, what a step waited for between them, pauses and retries by hand. What
// the timeline draws and the inspector lists. It only grows: an attempt that was there stays, whatever comes later.

import { at, type StepGraph } from "../graph/steps";
import { type EntryOf, type Failure, type HistoryEntry, type Receipt, receiptOf, type StepEntry } from "./history";

export type Outcome = "running" | "completed" | "failed" | "interrupted" | "cancelled";

export interface Attempt {
  readonly step: number;
  /** 1, 2, 3 ... Never used twice. */
  readonly number: number;
  /** When only a worker was missing: until `startedAt` it was queued. */
  readonly readyAt: number;
  readonly startedAt: number;
  readonly startSeq: number;
  readonly session: string | undefined;
  outcome: Outcome;
  endedAt: number | undefined;
  endSeq: number | undefined;
  failure: Failure | undefined;
  /** When it was to be tried again. */
  retryAt: number | undefined;
  /** What became of its last failure: `continue`, `branch` ... */
  then: string | undefined;
  outputBytes: number | undefined;
  /** How often `retry` had been called before it. */
  readonly retryCount: number;
}

/** A `wait` or a retry delay. */
export interface Delay {
  readonly kind: "timer" | "retry";
  readonly from: number;
  readonly until: number;
  readonly seq: number;
  /** When it was over, or was given up. */
  endedAt: number | undefined;
}

export interface Track {
  readonly attempts: Attempt[];
  readonly delays: Delay[];
  /** It failed without an attempt: its condition threw, its params could not be resolved, its worker was lost too often. */
  failedWithout: { at: number; seq: number; failure: Failure } | undefined;
  skipped: { at: number; seq: number; cause: string; receipt: Receipt | undefined } | undefined;
  cancelledAt: number | undefined;
  receipt: { at: number; seq: number; receipt: Receipt } | undefined;
  /** When its last state before the present began: ready, ended ... */
  changedAt: number | undefined;
  endedAt: number | undefined;
}

export interface Pause {
  readonly from: number;
  readonly by: string | undefined;
  to: number | undefined;
}

export class Course {
  readonly #graph: StepGraph;
  readonly tracks: readonly Track[];
  readonly pauses: Pause[] = [];
  readonly retries: { at: number; by: string | undefined; seq: number }[] = [];
  startedAt = 0;
  endedAt: number | undefined;
  /** The latest time of any entry. */
  updatedAt = 0;
  /** Rises with each entry: what was derived from a course holds while it stays. */
  version = 0;

  constructor(graph: StepGraph) {
    this.#graph = graph;
    this.tracks = graph.steps.map(() => ({
      attempts: [],
      delays: [],
      failedWithout: undefined,
      skipped: undefined,
      cancelledAt: undefined,
      receipt: undefined,
      changedAt: undefined,
      endedAt: undefined,
    }));
  }

  /**
   * When the nearest wait or retry delay is over that is not over at `now`. None of an execution that has ended, or that is paused: then
   * nothing goes on by itself.
   */
  nextAfter(now: number): number | undefined {
    if (this.endedAt !== undefined || this.pauses.some((pause) => pause.to === undefined)) return undefined;
    const untils = this.tracks.flatMap((track) => track.delays.flatMap((delay) => (delay.endedAt === undefined && delay.until > now ? delay.until : [])));
    return untils.length === 0 ? undefined : Math.min(...untils);
  }

  /** Takes the next entry of the history. */
  push(entry: HistoryEntry): void {
    this.version = entry.seq;
    this.updatedAt = Math.max(this.updatedAt, entry.timestamp);
    if (!("stepId" in entry)) return this.#execution(entry);
    const step = this.#graph.byId.get(entry.stepId);
    if (step !== undefined) this.#step(step, at(this.tracks, step), entry);
  }

  #execution(entry: Exclude<HistoryEntry, StepEntry>): void {
    const { timestamp } = entry;
    switch (entry.type) {
      case "start":
        this.startedAt = timestamp;
        return;
      case "pause":
        this.pauses.push({ from: timestamp, by: entry.by, to: undefined });
        return;
      case "resume":
        this.#endPause(timestamp);
        return;
      case "retry":
        this.retries.push({ at: timestamp, by: entry.by, seq: entry.seq });
        this.endedAt = undefined;
        for (const id of entry.data.reset) this.#reset(id, entry);
        return;
      case "complete":
      case "fail":
      case "cancel":
        this.#endPause(timestamp);
        this.endedAt = timestamp;
        return;
      default:
        return;
    }
  }

  #endPause(time: number): void {
    const pause = this.pauses.at(-1);
    if (pause !== undefined) pause.to ??= time;
  }

  #reset(id: string, entry: EntryOf<"retry">): void {
    const step = this.#graph.byId.get(id);
    if (step === undefined) return;
    const track = at(this.tracks, step);
    track.failedWithout = undefined;
    track.endedAt = undefined;
    track.changedAt = entry.timestamp;
    const timer = track.delays.at(-1);
    // A `wait` that was given up goes on, with its due time.
    if (track.cancelledAt !== undefined && timer?.kind === "timer" && timer.endedAt === track.cancelledAt) {
      track.delays.push({ ...timer, from: entry.timestamp, seq: entry.seq, endedAt: undefined });
    }
    track.cancelledAt = undefined;
  }

  #step(step: number, track: Track, entry: StepEntry): void {
    const { timestamp, seq } = entry;
    const receipt = receiptOf(entry);
    if (receipt !== undefined) track.receipt = { at: timestamp, seq, receipt };
    switch (entry.type) {
      case "step_ready":
        endDelay(track, timestamp);
        track.changedAt = timestamp;
        return;
      case "wait":
        track.delays.push({ kind: "timer", from: timestamp, until: entry.data.until, seq, endedAt: undefined });
        return;
      case "step_start":
        track.attempts.push(this.#started(step, track, entry));
        return;
      case "step_complete":
        endAttempt(track, entry, "completed");
        track.endedAt = timestamp;
        return;
      case "step_fail":
        this.#failed(track, entry);
        return;
      case "step_skip":
        track.skipped = { at: timestamp, seq, cause: entry.data.cause, receipt };
        track.endedAt = timestamp;
        return;
      case "step_interrupted":
        endAttempt(track, entry, "interrupted");
        track.changedAt = timestamp;
        return;
      case "step_cancel":
        endDelay(track, timestamp);
        endAttempt(track, entry, "cancelled");
        track.cancelledAt = timestamp;
        track.endedAt = timestamp;
        return;
      default:
        return;
    }
  }

  #started(step: number, track: Track, entry: EntryOf<"step_start">): Attempt {
    return {
      step,
      number: entry.attempt,
      readyAt: Math.min(entry.timestamp, this.#readyAt(step, track)),
      startedAt: entry.timestamp,
      startSeq: entry.seq,
      session: entry.data?.session,
      outcome: "running",
      endedAt: undefined,
      endSeq: undefined,
      failure: undefined,
      retryAt: undefined,
      then: undefined,
      outputBytes: undefined,
      retryCount: this.retries.length,
    };
  }

  /** When nothing but a worker was missing: an entry said so, or the last of what comes before it had ended. */
  #readyAt(step: number, track: Track): number {
    const { dependsOn, namedBy } = at(this.#graph.steps, step);
    const ends = [...dependsOn, ...namedBy].map((other) => at(this.tracks, other).endedAt ?? 0);
    const resumed = this.pauses.at(-1)?.to ?? 0;
    return Math.max(this.startedAt, track.changedAt ?? 0, resumed, ...ends);
  }

  #failed(track: Track, entry: EntryOf<"step_fail">): void {
    const { timestamp, seq, data } = entry;
    if (entry.attempt === undefined) track.failedWithout = { at: timestamp, seq, failure: data.error };
    else endAttempt(track, entry, "failed");
    if (data.retryAt === undefined) track.endedAt = timestamp;
    else track.delays.push({ kind: "retry", from: timestamp, until: data.retryAt, seq, endedAt: undefined });
  }
}

function endDelay(track: Track, time: number): void {
  const delay = track.delays.at(-1);
  if (delay !== undefined) delay.endedAt ??= time;
}

function endAttempt(track: Track, entry: StepEntry, outcome: Outcome): void {
  const attempt = track.attempts.at(-1);
  if (attempt === undefined || attempt.endedAt !== undefined) return;
  attempt.outcome = outcome;
  // A clock that went back ends nothing before it began.
  attempt.endedAt = Math.max(attempt.startedAt, entry.timestamp);
  attempt.endSeq = entry.seq;
  if (entry.type === "step_fail") {
    attempt.failure = entry.data.error;
    attempt.retryAt = entry.data.retryAt;
    attempt.then = entry.data.then;
  }
  if (entry.type === "step_complete") attempt.outputBytes = entry.bytes ?? entry.data?.outputBytes;
}

/** The course of a whole history. */
export function course(graph: StepGraph, entries: Iterable<HistoryEntry>): Course {
  const course = new Course(graph);
  for (const entry of entries) course.push(entry);
  return course;
}
