// Calls whose answer depends on how they are asked: what the server's document cannot say of a route, stands here once.
import { get, post } from "./client";
import type { EventDryRun, EventSent, ExecutionFilter, ExecutionPage, Job, JobBody, JobPreview } from "./types";

type Signal = AbortSignal | undefined;

/** A page of a list, with what a row shows. */
export function summaries({ workflowId, limit, cursor, ...more }: ExecutionFilter & { limit: number; cursor?: string | undefined }, signal?: Signal): Promise<ExecutionPage> {
  // Only summaries are of several workflows: the document says "this one", as for a list without them. In this order: the first page
  // was asked for by `first.js`.
  const filter = { workflowId: workflowId as string | undefined, ...more };
  return get("/executions", { query: { ...filter, fields: "summary", limit, cursor }, signal }) as Promise<ExecutionPage>;
}

/** What a job would do. */
export function previewJob(body: JobBody): Promise<JobPreview> {
  return post("/jobs", { body: { ...body, dryRun: true } }) as Promise<JobPreview>;
}

export function createJob(body: Omit<JobBody, "dryRun">, idempotencyKey: string): Promise<Job> {
  return post("/jobs", { body, idempotencyKey }) as Promise<Job>;
}

/** An event as JSON: as it was written. What it would start. */
export function dryRunEvent(body: string, signal?: Signal): Promise<EventDryRun> {
  return post("/events", { body, query: { dryRun: true }, signal }) as Promise<EventDryRun>;
}

export function sendEvent(body: string): Promise<EventSent> {
  return post("/events", { body }) as Promise<EventSent>;
}
