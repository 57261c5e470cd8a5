// What happened to an execution: the entries of its history, as `GET .../history` and the stream give them.

import type { ExecutionStatus } from "../api/types";

export type { ExecutionStatus as Status, Failure, HistoryEntry, Receipt, TriggeredBy } from "../api/types";

export const hasEnded = (status: ExecutionStatus): boolean => status === "completed" || status === "failed" || status === "cancelled";
