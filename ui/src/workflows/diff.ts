// What changed from one version of a definition to another: steps by their id, fields by their path.
import type { WorkflowDefinition, WorkflowStep } from "../api/types";

export interface FieldChange {
  field: string;
  before: string | undefined;
  after: string | undefined;
}

export interface StepChange {
  id: string;
  kind: "added" | "removed" | "changed";
  fields: FieldChange[];
}

export interface DefinitionDiff {
  steps: StepChange[];
  /** Of the definition itself: triggers, timeout, context, name. */
  fields: FieldChange[];
}

const NOT_COMPARED = new Set(["id", "steps", "version", "createdAt", "updatedAt", "diagnostics"]);

export function diff(before: WorkflowDefinition, after: WorkflowDefinition): DefinitionDiff {
  const earlier = new Map(before.steps.map((step) => [step.id, step]));
  const later = new Map(after.steps.map((step) => [step.id, step]));
  const steps: StepChange[] = [];
  for (const step of after.steps) {
    const old = earlier.get(step.id);
    if (!old) steps.push({ id: step.id, kind: "added", fields: fields(undefined, step) });
    else {
      const changes = fields(old, step);
      if (changes.length > 0) steps.push({ id: step.id, kind: "changed", fields: changes });
    }
  }
  for (const step of before.steps) if (!later.has(step.id)) steps.push({ id: step.id, kind: "removed", fields: [] });
  return { steps, fields: changes(before as unknown as Fields, after as unknown as Fields, "") };
}

type Fields = Record<string, unknown>;

function fields(before: WorkflowStep | undefined, after: WorkflowStep): FieldChange[] {
  return changes((before ?? {}) as unknown as Fields, after as unknown as Fields, "");
}

function changes(before: Fields, after: Fields, under: string): FieldChange[] {
  const out: FieldChange[] = [];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (under === "" && NOT_COMPARED.has(name)) continue;
    const [old, now] = [before[name], after[name]];
    if (same(old, now)) continue;
    const path = under === "" ? name : `${under}.${name}`;
    if (isFields(old) && isFields(now)) out.push(...changes(old, now, path));
    else out.push({ field: path, before: text(old), after: text(now) });
  }
  return out;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As JSON values: the order of keys says nothing. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, at) => same(item, b[at]));
  if (!isFields(a) || !isFields(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && same(a[name], b[name]));
}

function text(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}
