// What happened to an execution: the entries of its history, as `GET .../history` and the stream give them.

import type { ExecutionStatus, Failure, HistoryEntry, Receipt } from "../api/types";

export type { EntryOf, ExecutionStatus as Status, Failure, HistoryEntry, Receipt, StepEntry, TriggeredBy } from "../api/types";

export const hasEnded = (status: ExecutionStatus): boolean => status === "completed" || status === "failed" || status === "cancelled";

/** The step that an entry is about. */
export const stepIdOf = (entry: HistoryEntry): string | undefined => ("stepId" in entry ? entry.stepId : undefined);

/** What an attempt or the execution failed with. */
export const failureOf = (entry: HistoryEntry): Failure | undefined => (entry.type === "step_fail" || entry.type === "fail" ? entry.data.error : undefined);

/** What a step's condition has read. */
export const receiptOf = (entry: HistoryEntry): Receipt | undefined => (entry.type === "step_ready" || entry.type === "step_skip" || entry.type === "wait" ? entry.data.receipt : undefined);
