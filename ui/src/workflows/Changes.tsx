// What changed between two versions, as a list: step, field, before, after.
import { Link } from "@tanstack/react-router";
import { count, visible } from "../format/text";
import type { DefinitionDiff, FieldChange, StepChange } from "./diff";

interface ChangesProps {
  diff: DefinitionDiff;
  before: number;
  after: number;
  /** How many executions still run the earlier one. */
  running: number | undefined;
  id: string;
}

export function Changes({ diff, before, after, running, id }: ChangesProps) {
  const none = diff.steps.length === 0 && diff.fields.length === 0;
  return (
    <section className="card" aria-label="What changed">
      <h2>
        From v{before} to v{after}
        {running !== undefined && running > 0 && (
          <>
            {" · "}
            <Link to="/executions" search={{ workflow: [id], version: before, status: ["running", "waiting", "paused", "pending"] }}>
              {count(running)} {running === 1 ? "execution still runs" : "executions still run"} v{before}
            </Link>
          </>
        )}
      </h2>
      {none ? (
        <p>Nothing that counts: the two do the same.</p>
      ) : (
        <ul className="wf-changes">
          {diff.steps.map((step) => (
            <StepLines key={step.id} step={step} />
          ))}
          {diff.fields.map((field) => (
            <FieldLine key={field.field} name={field.field} change={field} />
          ))}
        </ul>
      )}
    </section>
  );
}

function StepLines({ step }: { step: StepChange }) {
  if (step.kind !== "changed") {
    return (
      <li data-kind={step.kind}>
        <span className="wf-sign">{step.kind === "added" ? "+" : "−"}</span> step <code><bdi>{visible(step.id)}</bdi></code> {step.kind}
      </li>
    );
  }
  return step.fields.map((field) => <FieldLine key={field.field} name={`${step.id}.${field.field}`} change={field} />);
}

function FieldLine({ name, change }: { name: string; change: FieldChange }) {
  return (
    <li data-kind="changed">
      <span className="wf-sign">Δ</span> <code><bdi>{visible(name)}</bdi></code>{" "}
      {change.before === undefined ? <span className="zero">not there</span> : <del><bdi>{visible(change.before)}</bdi></del>} →{" "}
      {change.after === undefined ? <span className="zero">not there</span> : <ins><bdi>{visible(change.after)}</bdi></ins>}
    </li>
  );
}
