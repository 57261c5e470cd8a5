// How answers are kept: what may be stale, what is asked again, what never changes.
import { QueryClient, queryOptions } from "@tanstack/react-query";
import { executionOf } from "./calls";
import { get, Problem } from "./client";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // The server may be on this machine: whether the browser believes to be online says nothing.
      networkMode: "always",
      staleTime: 5_000,
      gcTime: 10 * 60_000,
      retry: (failures, error) => failures < 2 && !(error instanceof Problem && error.status < 500 && error.status !== 429),
      retryDelay: (failures) => Math.min(4000, 400 * 2 ** failures),
      structuralSharing: true,
    },
    mutations: { networkMode: "always", retry: false },
  },
});

/** A definition by its version never changes: asked for once. Without a version the newest, which can. */
export function definitionQuery(workflowId: string, version?: number) {
  return queryOptions({
    queryKey: ["definition", workflowId, version ?? "newest"],
    queryFn: ({ signal }) => get("/workflows/{id}", { path: { id: workflowId }, query: { version }, signal }),
    staleTime: version === undefined ? 10_000 : Number.POSITIVE_INFINITY,
    gcTime: version === undefined ? 10 * 60_000 : Number.POSITIVE_INFINITY,
  });
}

/** The execution as it is now, without its history; values above 64 KiB as `{$truncated, href}`. */
export function executionQuery(id: string) {
  return queryOptions({
    queryKey: ["execution", id],
    queryFn: ({ signal }) => executionOf(id, { maxValueBytes: 65_536 }, signal),
  });
}

/** Both that the screen of an execution begins with, the second as soon as the first says which one it is. */
export async function askExecution(id: string): Promise<void> {
  await queryClient.prefetchQuery(executionQuery(id));
  const head = queryClient.getQueryData(executionQuery(id).queryKey);
  if (head !== undefined) await queryClient.prefetchQuery(definitionQuery(head.workflowId, head.workflowVersion));
}

export const systemQuery = queryOptions({
  queryKey: ["system"],
  queryFn: ({ signal }) => get("/system", { signal }),
  staleTime: 60_000,
});

/** The newest version of every workflow. */
export const definitionsQuery = queryOptions({
  queryKey: ["workflows", "definitions"],
  queryFn: ({ signal }) => get("/workflows", { signal }),
  staleTime: 30_000,
});
