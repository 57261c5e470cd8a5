import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { stepGraph, type WorkflowDefinition } from "../../../src/graph/steps";
import { answer, say, type AnswerFacts } from "../../../src/run/answer";
import { facts, retryPlan } from "../../../src/run/facts";
import { fold } from "../../../src/run/fold";
import type { HistoryEntry } from "../../../src/run/history";
import { reasons } from "../../../src/run/reasons";
import { entry } from "./entries";

process.env["TZ"] = "UTC";
const NOW = Date.parse("2026-11-23T14:02:00Z");

interface Case {
  about: string;
  facts: Partial<AnswerFacts> & { status: AnswerFacts["status"] };
  lead: string;
  rest: string;
  more?: number;
}

const cases = JSON.parse(readFileSync(new URL("../../../../testdata/answers/sentences.json", import.meta.url), "utf8")) as Case[];

/** The times of a case count from now. */
function given(of: Case["facts"]): AnswerFacts {
  const moved = (at: number | undefined) => (at === undefined ? undefined : NOW + at);
  const none = { total: 0, completed: [], skipped: [], cancelled: [], handled: [], notYet: [], waitingForFirst: [], next: [], reasons: [] };
  const why = (of.reasons ?? []).map((reason) => ({ ...reason, since: moved(reason.since), until: moved(reason.until) }));
  return { ...none, ...of, startedAt: NOW + (of.startedAt ?? 0), endedAt: moved(of.endedAt), reasons: why };
}

describe("the answer", () => {
  it.each(cases.map((one) => [one.about, one] as const))("when %s", (_, one) => {
    const { lead, rest, more } = answer(given(one.facts));
    expect(say(lead, NOW)).toBe(one.lead);
    expect(say(rest, NOW)).toBe(one.rest);
    expect(more).toBe(one.more ?? 0);
  });

  it("keeps what others wrote apart from its own words, so that it is never taken for them", () => {
    const hostile = "`x` completed. <script>alert(1)</script>";
    const { lead } = answer(given({ status: "failed", total: 1, failure: { stepId: "a", error: hostile, attempts: 1 } }));
    expect(lead.find((part) => part.kind === "quote")).toEqual({ kind: "quote", text: hostile });
    expect(lead.some((part) => part.kind === "text" && part.text.includes("script"))).toBe(false);
  });
});

interface Folded {
  scenario: string;
  definition: WorkflowDefinition;
  entries: HistoryEntry[];
}

const folds = JSON.parse(readFileSync(new URL("../../../../testdata/folds/scenarios.json", import.meta.url), "utf8")) as Folded[];
const scenario = (name: string) => {
  const found = folds.find((one) => one.scenario === name) as Folded;
  return { ...found, graph: stepGraph(found.definition) };
};

describe("facts", () => {
  it("give a sentence for every moment of every history that there is", () => {
    let moments = 0;
    for (const { scenario: name, definition, entries } of folds) {
      const graph = stepGraph(definition);
      entries.forEach((_, index) => {
        const { lead, rest } = answer(facts(graph, fold(graph, entries.slice(0, index + 1))));
        const own = [...lead, ...rest].map((part) => (part.kind === "quote" ? { ...part, text: "…" } : part));
        const said = say(own, NOW);
        expect(said, `${name} after ${index + 1}`).not.toMatch(/undefined|NaN|\?|\[object|  |\.\./);
        expect(said.length).toBeGreaterThan(10);
        moments += 1;
      });
    }
    expect(moments).toBeGreaterThan(1_000);
  });

  it("of a branch name the step that failed and the one that ran instead", () => {
    const { graph, entries } = scenario("branch");
    const of = facts(graph, fold(graph, entries));
    expect(of.handled).toEqual([{ stepId: "risky", error: "boom", how: "branched", target: "rescue", workflow: undefined }]);
    expect(of.skipped).toEqual([{ stepId: "after", cause: "dependencies", expression: undefined }]);
  });

  it("of a failure say which steps did not run, and what a retry would do", () => {
    const { graph, entries } = scenario("failing-cancels-ready-steps");
    const execution = fold(graph, entries);
    expect(facts(graph, execution)).toMatchObject({ status: "failed", failure: { stepId: "bad", attempts: 1 }, cancelled: ["a"], notYet: ["b", "c"] });
    expect(retryPlan(graph, execution)).toEqual({ kept: [], again: ["bad", "a"], then: ["b", "c"] });
  });
});

describe("reasons", () => {
  const graph = stepGraph({ id: "w", steps: [{ id: "a", action: "x" }, { id: "b", action: "y" }] });
  const execution = fold(graph, [
    entry({ seq: 1, timestamp: NOW, type: "start" }),
    { seq: 2, timestamp: NOW, type: "step_start", stepId: "b", attempt: 1 },
  ]);

  it("take from the server what only the engine knows, and only of the same state", () => {
    const known = [
      { kind: "worker", stepId: "a", action: "x", since: NOW },
      { kind: "running", stepId: "b", attempt: 1, p95Ms: 900, slow: true },
    ];
    expect(reasons(graph, execution, known).map((reason) => [reason.kind, reason.stepId, reason.slow])).toEqual([["worker", "a", undefined], ["running", "b", true]]);
    const stale = [{ kind: "running", stepId: "a", attempt: 1 }, { kind: "running", stepId: "b", attempt: 7, slow: true }];
    expect(reasons(graph, execution, stale).map((reason) => [reason.kind, reason.stepId, reason.slow])).toEqual([["running", "b", undefined], ["ready", "a", undefined]]);
  });
});
