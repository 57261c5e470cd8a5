// What the server says happened: the entries of a history, as `GET .../history` and the stream give them.

export interface Failure {
  message: string;
  code?: string;
  stack?: string;
  cause?: Failure;
  retryable?: boolean;
}

/** Why a condition came out as it did. A value of `null` can be `undefined`. */
export interface Receipt {
  expression: string;
  values: Record<string, unknown>;
  result?: unknown;
}

export interface TriggeredBy {
  type: "manual" | "event" | "schedule" | "replay" | "error";
  source?: string;
}

export type EntryType =
  | "start"
  | "step_ready"
  | "step_start"
  | "step_complete"
  | "step_fail"
  | "step_skip"
  | "step_cancel"
  | "step_interrupted"
  | "wait"
  | "pause"
  | "resume"
  | "retry"
  | "complete"
  | "fail"
  | "cancel";

/** What an entry holds besides; only the fields of its type are there. */
export interface EntryData {
  workflowVersion?: number;
  input?: unknown;
  triggeredBy?: TriggeredBy;
  replayOf?: string;
  deadline?: number;
  cause?: "condition" | "timer" | "retry" | "runNow" | "dependencies" | "notBranchedTo" | "lost" | "shutdown";
  session?: string;
  output?: unknown;
  outputBytes?: number;
  error?: Failure;
  retryAt?: number;
  then?: "fail" | "continue" | "branch" | "startHandler";
  handler?: string;
  until?: number;
  receipt?: Receipt;
  reset?: string[];
  idempotencyKey?: string;
}

export interface HistoryEntry {
  seq: number;
  timestamp: number;
  /** A newer server may know types that this page does not. */
  type: EntryType | (string & {});
  stepId?: string;
  attempt?: number;
  by?: string;
  data?: EntryData;
  message?: string;
  /** Of the entry's payload, when it was left out. */
  bytes?: number;
}

export type Status = "pending" | "running" | "waiting" | "paused" | "completed" | "failed" | "cancelled";

export const hasEnded = (status: Status): boolean => status === "completed" || status === "failed" || status === "cancelled";
