// Calls whose answer depends on how they are asked. The document says which answers a route has; which of them it is, is told by a
// field that only that one has.
import { get, post } from "./client";
import type { QueryOf } from "./routes";
import type { EventDryRun, EventSent, Execution, ExecutionFilter, ExecutionPage, Job, JobBody, JobPreview } from "./types";

type Signal = AbortSignal | undefined;

type Having<T, F extends string> = Extract<T, Record<F, unknown>>;

const has = <T extends object, F extends string>(answer: T, field: F): answer is Having<T, F> => field in answer;

async function having<T extends object, F extends string>(asked: Promise<T>, field: F): Promise<Having<T, F>> {
  const answer = await asked;
  if (has(answer, field)) return answer;
  throw new Error(`the server has answered without "${field}"`);
}

/** A page of a list, with what a row shows. */
export function summaries({ workflowId, limit, cursor, ...more }: ExecutionFilter & { limit: number; cursor?: string | undefined }, signal?: Signal): Promise<ExecutionPage> {
  // Only summaries are of several workflows: the document says "this one", as for a list without them. In this order: the first page
  // was asked for by `first.js`.
  const filter = { workflowId: workflowId as string | undefined, ...more };
  return having(get("/executions", { query: { ...filter, fields: "summary", limit, cursor }, signal }), "complete");
}

type ExecutionQuery = Pick<QueryOf<"get", "/executions/{id}">, "at" | "maxValueBytes" | "wait">;

/** An execution without its history, and with what it does or waits for. */
export function executionOf(id: string, query: ExecutionQuery, signal?: Signal): Promise<Execution> {
  return having(get("/executions/{id}", { path: { id }, query: { ...query, history: 0 }, signal }), "lastSeq");
}

/** What a job would do. */
export function previewJob(body: JobBody): Promise<JobPreview> {
  return having(post("/jobs", { body: { ...body, dryRun: true } }), "sample");
}

export function createJob(body: JobBody, idempotencyKey: string): Promise<Job> {
  return having(post("/jobs", { body, idempotencyKey }), "id");
}

/** An event as JSON: as it was written. What it would start. */
export function dryRunEvent(body: string, signal?: Signal): Promise<EventDryRun> {
  return having(post("/events", { body, query: { dryRun: true }, signal }), "matches");
}

export function sendEvent(body: string): Promise<EventSent> {
  return having(post("/events", { body }), "refused");
}
