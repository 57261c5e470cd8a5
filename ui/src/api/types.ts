// What the server answers, by the names that the page has for it. Times are epoch milliseconds. Made of the server's document; only
// what it cannot say stands here: what is always in an answer because of how it was asked for.
import type { components } from "./document";
import type { QueryOf } from "./routes";

type Schemas = components["schemas"];

export type ExecutionStatus = Schemas["Status"];
export type StepStatus = Schemas["StepStatus"];
export type Attention = Schemas["Attention"];
export type TriggeredBy = Schemas["TriggeredBy"];
export type Reason = Schemas["Reason"];
export type StepCounts = Schemas["StepCounts"];
export type StepResult = Schemas["StepResult"];
export type Execution = Schemas["Execution"];
export type ExecutionSummary = Schemas["ExecutionSummary"];
export type Counts = Schemas["Counts"];
export type Failure = Schemas["Failure"];
export type Receipt = Schemas["Receipt"];
export type HistoryEntry = Schemas["HistoryEntry"];
export type HistoryData = Schemas["HistoryData"];
export type Diagnostic = Schemas["Diagnostic"];
export type WorkflowDefinition = Schemas["Definition"];
export type WorkflowStep = Schemas["Step"];
export type WorkflowVersion = Schemas["VersionRow"];
export type Statistics = Schemas["Statistics"];
export type StepStatistics = Schemas["StepStatistics"];
export type ErrorList = Schemas["ErrorList"];
export type ErrorKind = Schemas["ErrorKind"];
export type JobAction = Schemas["JobAction"];
export type JobBody = Schemas["JobBody"];
export type JobFilter = Schemas["JobFilter"];
export type Job = Schemas["Job"];
export type JobItem = Schemas["JobItem"];
export type EventCondition = Schemas["EventCondition"];
export type EventMatch = Schemas["EventMatch"];
export type EventAnswer = Schemas["EventAnswer"];
export type Worker = Schemas["Worker"];
export type Action = Schemas["Action"];
export type System = Schemas["System"];

/** What a list can be narrowed by. */
export type ExecutionFilter = QueryOf<"get", "/executions/stream"> & Pick<QueryOf<"get", "/executions">, "q">;

/** Of a list with `fields=summary`. */
export interface ExecutionPage extends Omit<Schemas["ExecutionList"], "executions"> {
  executions: ExecutionSummary[];
}

/** Of a job with `dryRun`. */
export type JobPreview = Required<Pick<Schemas["JobAnswer"], "matched" | "sample">>;

/** Of an event with `dryRun`. */
export type EventDryRun = EventAnswer & Required<Pick<EventAnswer, "matches">>;

/** Of an event that was sent. */
export type EventSent = EventAnswer & Required<Pick<EventAnswer, "executions" | "refused">>;

/** In place of a value that is larger than was asked for. */
export interface Truncated {
  $truncated: number;
  href: string;
}
