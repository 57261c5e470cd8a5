// What the server answers, by the names that the page has for it. Times are epoch milliseconds. Made of the server's document.
import type { components } from "./document";
import type { QueryOf } from "./routes";

type Schemas = components["schemas"];
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export type ExecutionStatus = Schemas["Status"];
export type StepStatus = Schemas["StepStatus"];
export type Attention = Schemas["Attention"];
export type TriggeredBy = Schemas["TriggeredBy"];
export type Reason = Schemas["Reason"];
export type WaitingFor = Schemas["WaitingFor"];
export type StepCounts = Schemas["StepCounts"];
export type StepResult = Schemas["StepResult"];
/** As the page asks for it: with what it does or waits for. */
export type Execution = Schemas["InspectedExecution"];
export type ExecutionSummary = Schemas["ExecutionSummary"];
export type Counts = Schemas["Counts"];
export type Failure = Schemas["Failure"];
export type Receipt = Schemas["Receipt"];
export type HistoryEntry = Schemas["HistoryEntry"];
/** An entry of some types. */
export type EntryOf<T extends HistoryEntry["type"]> = Extract<HistoryEntry, { type: T }>;
/** An entry about a step. */
export type StepEntry = Extract<HistoryEntry, { stepId: string }>;
export type Diagnostic = Schemas["Diagnostic"];
export type WorkflowDefinition = Schemas["Definition"];
export type ListedWorkflow = Schemas["ListedDefinition"];
export type WorkflowStep = Schemas["Step"];
export type WorkflowVersion = Schemas["VersionRow"];
export type Statistics = Schemas["Statistics"];
export type StepStatistics = Schemas["StepStatistics"];
export type ErrorList = Schemas["ErrorList"];
export type ErrorKind = Schemas["ErrorKind"];
export type ErrorDetail = Schemas["ErrorDetail"];
export type JobAction = Schemas["JobAction"];
/** What a job does and to what; whether it is only to be looked at is said by the call. */
export type JobBody = Without<Schemas["JobBody"], "dryRun">;
export type JobFilter = Schemas["JobFilter"];
export type Job = Schemas["Job"];
export type JobPreview = Schemas["JobPreview"];
export type JobItem = Schemas["JobItem"];
export type EventCondition = Schemas["EventCondition"];
export type EventMatch = Schemas["EventMatch"];
export type EventDryRun = Schemas["EventDryRun"];
export type EventSent = Schemas["StartedByEvent"];
export type Worker = Schemas["Worker"];
export type Action = Schemas["Action"];
export type System = Schemas["System"];
/** An engine that works on the same store. */
export type Node = Schemas["Node"];

/** What a list can be narrowed by. */
export type ExecutionFilter = QueryOf<"get", "/executions/stream"> & Pick<QueryOf<"get", "/executions">, "q">;

/** Of a list with `fields=summary`. */
export type ExecutionPage = Schemas["SummaryList"];

/** In place of a value that is larger than was asked for. */
export interface Truncated {
  $truncated: number;
  href: string;
}
