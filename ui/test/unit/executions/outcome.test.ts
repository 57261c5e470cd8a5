import { describe, expect, it } from "vitest";
import type { ExecutionSummary, Reason } from "../../../src/api/types";
import { apiFilter, chips, inWords, jobFilter, tabOf } from "../../../src/executions/filter";
import { outcome, type Part } from "../../../src/executions/outcome";
import { executionsSearch, parseSearch, stringifySearch } from "../../../src/router/search";

const row = (change: Partial<ExecutionSummary>): ExecutionSummary => ({
  id: "exec_019aab3e5c7a7c32b1f0a5d2e4c6b812",
  workflowId: "order",
  workflowVersion: 1,
  status: "running",
  startedAt: 1000,
  stepCounts: { total: 5, completed: 2, failed: 0, skipped: 0, running: 1, waiting: 0 },
  reasons: [],
  reasonCount: 0,
  triggeredBy: { type: "manual" },
  lastSeq: 1,
  ...change,
});

const say = (parts: Part[]): string =>
  parts.map((part) => (typeof part === "string" ? part : "code" in part ? `\`${part.code}\`` : "until" in part ? `[until ${part.until}]` : "since" in part ? `[since ${part.since}]` : part.error)).join("");
const waiting = (reason: Reason, count = 1): string => say(outcome(row({ status: "waiting", reasons: [reason], reasonCount: count })));

const first = { attempt: 1, maxAttempts: 1 };

describe("what a row says", () => {
  it.each<[string, string]>([
    [waiting({ kind: "retry", stepId: "charge", action: "charge", since: 1, until: 9, attempt: 3, maxAttempts: 5, error: "Card declined" }), "`charge`: attempt 3 of 5 [until 9] · Card declined"],
    [waiting({ kind: "worker", stepId: "limits", since: 1, action: "checkLimits", ...first }, 3), "`limits`: no worker for `checkLimits` · and 2 more"],
    [waiting({ kind: "timer", stepId: "wait", since: 1, until: 9 }), "`wait`: waits, goes on [until 9]"],
    [waiting({ kind: "paused", since: 1, by: "anna" }), "Paused by anna"],
    [waiting({ kind: "paused", since: 1 }), "Paused"],
    [waiting({ kind: "running", stepId: "charge", action: "charge", ...first, since: 4, slow: true, p95Ms: 9000 }), "`charge`: running for [since 4], usually below 9.0 s"],
    [waiting({ kind: "limit", stepId: "a", since: 1, action: "act", ...first }), "`a`: waits for a free slot of `act`"],
    [waiting({ kind: "of a later server" as never, stepId: "a", since: 1 }), "Goes on"],
    [say(outcome(row({ status: "failed", error: "Card\ndeclined", errorStepId: "charge" }))), "`charge`: Card declined"],
    [say(outcome(row({ status: "failed" }))), "no message"],
    [say(outcome(row({ status: "completed", stepCounts: { total: 5, completed: 4, failed: 0, skipped: 1, running: 0, waiting: 0 } }))), "4 of 5 steps · 1 skipped"],
    [say(outcome(row({}))), "2 of 5 steps"],
    [say(outcome(row({ status: "pending" }))), "Nothing has begun yet"],
    // An execution whose first step nobody provides is pending: it said "Nothing has begun yet" beside "No worker".
    [say(outcome(row({ status: "pending", reasons: [{ kind: "worker", stepId: "limits", since: 1, action: "checkLimits", ...first }], reasonCount: 1 }))), "`limits`: no worker for `checkLimits`"],
  ])("%s", (said, wanted) => expect(said).toBe(wanted));
});

describe("what a list is of", () => {
  const search = executionsSearch(parseSearch("?workflow=order&workflow=order&status=failed&status=nonsense&since=1h&q=eu-1&odd=1&version=7"));

  it("is read from the address, without what makes no sense", () => {
    expect(search).toEqual({ workflow: ["order"], version: 7, status: ["failed"], since: "1h", q: "eu-1" });
  });

  it("is written back as it was read", () => {
    expect(executionsSearch(parseSearch(stringifySearch(search as Record<string, unknown>)))).toEqual(search);
    expect(stringifySearch({ status: ["failed", "running"], q: undefined })).toBe("?status=failed&status=running");
  });

  it("becomes the parameters of the API, the same for ten seconds", () => {
    const at = 1_795_434_324_290;
    expect(apiFilter(search, at)).toMatchObject({ workflowId: ["order"], version: 7, status: ["failed"], q: "eu-1", startedAfter: Math.floor((at - 3_600_000) / 10_000) * 10_000 });
    expect(apiFilter(search, at)).toEqual(apiFilter(search, at + 5000));
  });

  it("has a version only with one workflow: of several it would be refused", () => {
    expect(apiFilter({ workflow: ["a", "b"], version: 2 }, 0)["version"]).toBeUndefined();
  });

  it("becomes the filter of a job, without the text that a job does not know", () => {
    expect(jobFilter(search, 1_795_434_324_290)).not.toHaveProperty("q");
  });

  it("is a tab, chips, and words", () => {
    expect(tabOf(search)?.key).toBe("failed");
    expect(tabOf({ status: ["pending", "running"] })?.key).toBe("running");
    expect(tabOf({ status: ["failed", "paused"] })).toBeUndefined();
    expect(chips(search).map((chip) => chip.label)).toEqual(["v7", "id or input has “eu-1”"]);
    expect(inWords(search)).toBe(" of order v7, from the last hour, whose id or input has “eu-1”");
  });
});
