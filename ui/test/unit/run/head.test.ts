import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Execution as Answered } from "../../../src/api/types";
import { stepGraph, type WorkflowDefinition } from "../../../src/graph/steps";
import { apply, begin, status } from "../../../src/run/fold";
import { executionOfHead } from "../../../src/run/head";
import { type HistoryEntry, stepIdOf } from "../../../src/run/history";
import { type Look, looks } from "../../../src/run/looks";

interface Folded {
  scenario: string;
  definition: WorkflowDefinition;
  entries: HistoryEntry[];
  after: { status: Answered["status"]; completedSteps: string[]; completedAt: number | null; steps: Answered["stepResults"] }[];
}

const folds = JSON.parse(readFileSync(new URL("../../../../testdata/folds/scenarios.json", import.meta.url), "utf8")) as Folded[];

/** What the core answers of an execution after so many entries, as the head of the screen gets it. */
function headOf({ definition, entries, after }: Folded, place: number): Answered {
  const { status, completedSteps, completedAt, steps } = after[place] as Folded["after"][number];
  const failing = begunToFail(definition, entries.slice(0, place + 1), status);
  return {
    id: "exec_1",
    workflowId: definition.id,
    workflowVersion: 1,
    status,
    triggeredBy: { type: "manual" },
    input: {},
    state: {},
    startedAt: entries[0]?.timestamp ?? 0,
    ...(completedAt !== null && { completedAt }),
    ...failing,
    currentStepIndex: 0,
    completedSteps,
    stepResults: steps,
    history: [],
    reasons: [],
    lastSeq: place + 1,
    serverTime: entries[place]?.timestamp ?? 0,
    stepCounts: { total: 0, completed: 0, failed: 0, skipped: 0, running: 0, waiting: 0 },
  };
}

/** `error` and `errorStepId` are set with the first failure that nobody handles. */
function begunToFail(definition: WorkflowDefinition, entries: readonly HistoryEntry[], of: string): { error?: string; errorStepId?: string } {
  const graph = stepGraph(definition);
  const execution = begin(graph);
  for (const entry of entries) apply(graph, execution, entry);
  const { phase } = execution;
  const end = phase.kind === "failed" ? phase : phase.kind === "active" ? phase.failing : undefined;
  if (end === undefined || of === "cancelled") return {};
  return { error: end.failure?.message ?? "", ...(end.stepId !== undefined && { errorStepId: end.stepId }) };
}

const kinds = (of: readonly Look[]) => of.map((look) => look.kind);

describe("an execution from its head", () => {
  // A history of 10,000 entries was drawn as far as it had been read: a completed execution said that it was being retried, and
  // offered "Run now".
  it.each(folds.map((folded, index) => [`${folded.scenario}: ${folded.definition.id}`, index] as const))("of %s looks as its whole history does", (_, index) => {
    const folded = folds[index] as Folded;
    const graph = stepGraph(folded.definition);
    const execution = begin(graph);
    folded.entries.forEach((entry, place) => {
      apply(graph, execution, entry);
      const head = executionOfHead(graph, headOf(folded, place));
      expect(status(graph, head), `after ${entry.seq} ${entry.type}`).toBe(status(graph, execution));
      expect(kinds(looks(graph, head, [])), `after ${entry.seq} ${entry.type} ${stepIdOf(entry) ?? ""}`).toEqual(kinds(looks(graph, execution, [])));
    });
  });
});
