import { describe, expect, it } from "vitest";
import type { WorkflowDefinition } from "../../../src/api/types";
import { diff } from "../../../src/workflows/diff";

const before: WorkflowDefinition = {
  id: "order",
  version: 6,
  createdAt: 1,
  updatedAt: 1,
  timeout: "1h",
  steps: [
    { id: "validate", action: "check" },
    { id: "charge", action: "pay", dependsOn: ["validate"], maxRetries: 3, params: { card: "$.input.card", retry: { times: 1, of: 2 } } },
    { id: "old", action: "gone" },
  ],
};

describe("what changed between versions", () => {
  it("is nothing when only the engine's own fields and the order of keys differ", () => {
    const after = { ...before, version: 7, createdAt: 2, steps: before.steps.map((step) => Object.fromEntries(Object.entries(step).reverse()) as unknown as typeof step) };
    expect(diff(before, after)).toEqual({ steps: [], fields: [] });
  });

  it("is steps that came, went, and changed, field by field", () => {
    const [validate, charge] = before.steps as [WorkflowDefinition["steps"][0], WorkflowDefinition["steps"][0]];
    const after: WorkflowDefinition = {
      ...before,
      version: 7,
      timeout: "2h",
      steps: [validate, { ...charge, maxRetries: 5, params: { card: "$.input.card", retry: { times: 4, of: 2 } } }, { id: "notify", action: "mail" }],
    };
    const found = diff(before, after);
    expect(found.fields).toEqual([{ field: "timeout", before: "1h", after: "2h" }]);
    expect(found.steps.map((step) => [step.id, step.kind])).toEqual([["charge", "changed"], ["notify", "added"], ["old", "removed"]]);
    expect(found.steps[0]?.fields).toEqual([
      { field: "maxRetries", before: "3", after: "5" },
      { field: "params.retry.times", before: "1", after: "4" },
    ]);
  });
});
