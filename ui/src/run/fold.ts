// The fold of a history into an execution, by the rules of the core's `apply` and `outstanding`
// (crates/core/src/{apply,outstanding}.rs); `testdata/folds` holds what the core makes of each prefix of many histories, and the
// tests compare. It evaluates nothing and reads no clock. Payloads are not needed: it folds histories without them.
//
// A step's record is replaced, never changed, so that "did this step change?" is a comparison of references.

import { at, type StepGraph } from "../graph/steps";
import type { EntryOf, Failure, HistoryEntry, Receipt, Status, StepEntry } from "./history";

export type Handling = "unhandled" | "continued" | "branched";
export type SkipCause = "condition" | "dependencies" | "notBranchedTo";

export type StepState =
  /** Not considered yet, or ready without an entry that says so: see `isReady`. */
  | { readonly kind: "pending" }
  | { readonly kind: "waiting"; readonly since: number; readonly until: number }
  /** Only a worker is missing. */
  | { readonly kind: "ready"; readonly since: number }
  | { readonly kind: "running"; readonly attempt: number; readonly since: number; readonly session: string | undefined }
  | { readonly kind: "retryDelay"; readonly since: number; readonly until: number }
  | { readonly kind: "completed"; readonly seq: number }
  | { readonly kind: "failed"; readonly handling: Handling; readonly seq: number; readonly handler: string | undefined }
  | { readonly kind: "skipped"; readonly cause: SkipCause; readonly seq: number }
  | { readonly kind: "cancelled"; readonly waitUntil: number | undefined };

export interface StepRecord {
  readonly state: StepState;
  /** The number of the newest attempt; 0 before the first. */
  readonly attempts: number;
  /** Failed attempts since the last `retry`. */
  readonly failedAttempts: number;
  /** Attempts lost in a row. */
  readonly interruptions: number;
  readonly waitDone: boolean;
  /** Start of the first attempt since it was last considered. */
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly failure: Failure | undefined;
  /** Of the condition that decided whether it runs. */
  readonly receipt: Receipt | undefined;
}

export type Phase =
  | { readonly kind: "active"; readonly paused: Control | undefined; readonly failing: EndFailure | undefined }
  | { readonly kind: "completed"; readonly at: number }
  | { readonly kind: "failed"; readonly at: number; readonly failure: Failure | undefined; readonly stepId: string | undefined }
  | { readonly kind: "cancelled"; readonly at: number; readonly by: string | undefined };

/** Who asked for something, and when. */
export interface Control {
  readonly at: number;
  readonly by: string | undefined;
}

/** The failure that an execution ends with, and the step whose it was. */
export interface EndFailure {
  readonly stepId: string | undefined;
  readonly failure: Failure | undefined;
}

export interface Execution {
  phase: Phase;
  steps: StepRecord[];
  /** In the order in which they completed. */
  completed: number[];
  retryCount: number;
  startedAt: number;
  /** Of the newest entry; 0 before the first. */
  seq: number;
  updatedAt: number;
}

const UNTOUCHED: StepRecord = {
  state: { kind: "pending" },
  attempts: 0,
  failedAttempts: 0,
  interruptions: 0,
  waitDone: false,
  startedAt: undefined,
  endedAt: undefined,
  failure: undefined,
  receipt: undefined,
};

/** An execution of which no entry has been taken. */
export function begin(graph: StepGraph): Execution {
  return {
    phase: { kind: "active", paused: undefined, failing: undefined },
    steps: graph.steps.map(() => UNTOUCHED),
    completed: [],
    retryCount: 0,
    startedAt: 0,
    seq: 0,
    updatedAt: 0,
  };
}

/** The same, to go on from without touching the original. */
export function copy(execution: Execution): Execution {
  return { ...execution, steps: execution.steps.slice(), completed: execution.completed.slice() };
}

/** An entry is missing before the one that came: the history has to be read again from `after`. */
export class MissingEntries extends Error {
  constructor(
    readonly after: number,
    readonly seq: number,
  ) {
    super(`entry ${seq} came after entry ${after}`);
  }
}

/** Takes the next entry; one that was taken before is passed over. Answers the step that it changed. */
export function apply(graph: StepGraph, execution: Execution, entry: HistoryEntry): number | undefined {
  if (entry.seq <= execution.seq) return undefined;
  if (entry.seq !== execution.seq + 1) throw new MissingEntries(execution.seq, entry.seq);
  const step = "stepId" in entry ? graph.byId.get(entry.stepId) : undefined;
  if (!("stepId" in entry)) {
    changePhase(graph, execution, entry);
  } else if (step !== undefined) {
    const before = at(execution.steps, step);
    execution.steps[step] = changed(before, entry);
    if (entry.type === "step_complete") execution.completed.push(step);
    if (entry.type === "step_fail") failing(execution, entry);
  }
  execution.seq = entry.seq;
  execution.updatedAt = entry.timestamp;
  return step;
}

export function fold(graph: StepGraph, entries: Iterable<HistoryEntry>): Execution {
  const execution = begin(graph);
  for (const entry of entries) apply(graph, execution, entry);
  return execution;
}

function changePhase(graph: StepGraph, execution: Execution, entry: Exclude<HistoryEntry, StepEntry>): void {
  const { phase } = execution;
  switch (entry.type) {
    case "start":
      execution.startedAt = entry.timestamp;
      return;
    case "pause":
      if (phase.kind === "active") execution.phase = { ...phase, paused: { at: entry.timestamp, by: entry.by } };
      return;
    case "resume":
      if (phase.kind === "active") execution.phase = { ...phase, paused: undefined };
      return;
    case "complete":
      execution.phase = { kind: "completed", at: entry.timestamp };
      return;
    case "fail": {
      const stepId = phase.kind === "active" ? phase.failing?.stepId : undefined;
      execution.phase = { kind: "failed", at: entry.timestamp, failure: entry.data.error, stepId };
      return;
    }
    case "cancel":
      execution.phase = { kind: "cancelled", at: entry.timestamp, by: entry.by };
      return;
    case "retry":
      execution.phase = { kind: "active", paused: undefined, failing: undefined };
      execution.retryCount += 1;
      for (const id of entry.data.reset) {
        const step = graph.byId.get(id);
        if (step !== undefined) execution.steps[step] = reset(at(execution.steps, step), entry.timestamp);
      }
      return;
    default:
      return;
  }
}

/** The first failure that nobody handles is the one that the execution is going to end with. */
function failing(execution: Execution, { stepId, data }: EntryOf<"step_fail">): void {
  const { phase } = execution;
  const unhandled = data.retryAt === undefined && (data.then ?? "fail") === "fail";
  if (!unhandled || phase.kind !== "active" || phase.failing !== undefined) return;
  execution.phase = { ...phase, failing: { stepId, failure: data.error } };
}

/** A step's record after an entry about it. */
function changed(record: StepRecord, entry: StepEntry): StepRecord {
  const { timestamp } = entry;
  switch (entry.type) {
    case "step_ready":
      return { ...record, state: { kind: "ready", since: timestamp }, waitDone: true, receipt: entry.data.receipt ?? record.receipt };
    case "step_start": {
      const { attempt, data } = entry;
      const state = { kind: "running", attempt, since: timestamp, session: data?.session } as const;
      return { ...record, state, attempts: attempt, startedAt: record.startedAt ?? timestamp };
    }
    case "step_complete":
      return {
        ...record,
        state: { kind: "completed", seq: entry.seq },
        endedAt: timestamp,
        interruptions: 0,
        failure: undefined,
      };
    case "step_fail":
      return failed(record, entry);
    case "step_skip":
      return { ...record, state: { kind: "skipped", cause: entry.data.cause, seq: entry.seq }, endedAt: timestamp, receipt: entry.data.receipt };
    case "step_cancel": {
      const waitUntil = record.state.kind === "waiting" ? record.state.until : undefined;
      return { ...record, state: { kind: "cancelled", waitUntil }, endedAt: timestamp };
    }
    case "step_interrupted":
      return {
        ...record,
        state: { kind: "ready", since: timestamp },
        interruptions: record.interruptions + (entry.data.cause === "shutdown" ? 0 : 1),
      };
    case "wait":
      return {
        ...record,
        state: { kind: "waiting", since: timestamp, until: entry.data.until },
        receipt: entry.data.receipt ?? record.receipt,
      };
    default:
      return record;
  }
}

function failed(record: StepRecord, entry: EntryOf<"step_fail">): StepRecord {
  const { timestamp, data } = entry;
  const counted = entry.attempt === undefined ? record : { ...record, failedAttempts: record.failedAttempts + 1, interruptions: 0 };
  const failure = data.error;
  if (data.retryAt !== undefined) {
    return { ...counted, failure, state: { kind: "retryDelay", since: timestamp, until: data.retryAt } };
  }
  const handling = data.then === "continue" ? "continued" : data.then === "branch" || data.then === "startHandler" ? "branched" : "unhandled";
  return { ...counted, failure, state: { kind: "failed", handling, seq: entry.seq, handler: data.handler }, endedAt: timestamp };
}

/** A step that `retry` lets begin again. */
function reset(record: StepRecord, now: number): StepRecord {
  const fresh = { ...record, failedAttempts: 0, interruptions: 0, failure: undefined, startedAt: undefined, endedAt: undefined };
  if (record.state.kind !== "cancelled") return { ...fresh, waitDone: true, state: { kind: "pending" } };
  const until = record.state.waitUntil;
  return { ...fresh, state: until === undefined ? { kind: "ready", since: now } : { kind: "waiting", since: now, until } };
}

export function stepHasEnded({ state }: StepRecord): boolean {
  return state.kind === "completed" || state.kind === "failed" || state.kind === "skipped" || state.kind === "cancelled";
}

/** Whether it has ended in a way that lets the steps after it be considered. */
function letsOthersGoOn({ state }: StepRecord): boolean {
  return state.kind === "completed" || state.kind === "skipped" || (state.kind === "failed" && state.handling !== "unhandled");
}

export const hasBranched = ({ state }: StepRecord): boolean => state.kind === "failed" && state.handling === "branched";

/** Whether only a worker is missing. A step with neither a condition nor a `wait` needs no entry for that. */
export function isReady(graph: StepGraph, execution: Execution, index: number): boolean {
  const record = at(execution.steps, index);
  if (record.state.kind !== "pending") return record.state.kind === "ready";
  const step = at(graph.steps, index);
  const unconditional = step.definition.condition === undefined && (step.definition.wait === undefined || record.waitDone);
  return execution.seq > 0 && unconditional && runs(graph, execution, index);
}

/** Whether the graph alone lets a step that has not been considered run (the core's `Verdict::Runs`). */
function runs(graph: StepGraph, execution: Execution, index: number): boolean {
  const step = at(graph.steps, index);
  const record = (other: number) => at(execution.steps, other);
  if (!step.dependsOn.every((other) => letsOthersGoOn(record(other)))) return false;
  if (step.namedBy.length > 0) return step.namedBy.some((other) => hasBranched(record(other)));
  const skipped = (other: number) => record(other).state.kind === "skipped" || hasBranched(record(other));
  return step.dependsOn.length === 0 || !step.dependsOn.every(skipped);
}

export const isPaused = ({ phase }: Execution): boolean => phase.kind === "active" && phase.paused !== undefined;
export const endedAt = ({ phase }: Execution): number | undefined => (phase.kind === "active" ? undefined : phase.at);

/** The status of an execution, from its history alone. */
export function status(graph: StepGraph, execution: Execution): Status {
  const { phase } = execution;
  if (phase.kind !== "active") return phase.kind;
  if (phase.paused !== undefined) return "paused";
  const fresh = (record: StepRecord) => record.attempts === 0 && (record.state.kind === "pending" || record.state.kind === "ready");
  if (execution.steps.every(fresh)) return "pending";
  if (phase.failing !== undefined) return "running";
  const busy = execution.steps.some((record, step) => record.state.kind === "running" || isReady(graph, execution, step));
  return busy ? "running" : "waiting";
}

export type StepStatus = "waiting" | "running" | "completed" | "failed" | "skipped" | "cancelled";

/** The status of a step that is ready, waits, runs or has ended; of one that was never considered none. */
export function stepStatus(graph: StepGraph, execution: Execution, index: number): StepStatus | undefined {
  const { state } = at(execution.steps, index);
  switch (state.kind) {
    case "pending": {
      const open = execution.phase.kind === "active" && execution.phase.failing === undefined;
      return open && isReady(graph, execution, index) ? "waiting" : undefined;
    }
    case "waiting":
    case "ready":
    case "retryDelay":
      return "waiting";
    default:
      return state.kind;
  }
}
