// What stands beside a step's name: how long, how often. Of the graph's nodes, the rail and the inspector; without React Flow.

import { visible } from "../format/text";
import { until } from "../format/time";
import { Took, Until } from "../parts/time";
import type { Look } from "../run/looks";
import type { Step } from "./steps";
import { skipWords } from "./words";
import "./steps.css";

/** Line 2: the action, and how long it took, takes, or still waits. */
export function NodeDetail({ step, look }: { step: Step; look: Look }) {
  const { record } = look;
  const { state } = record;
  return (
    <>
      {pipsOf(step, look) ? (
        <Pips failed={record.failedAttempts} max={step.attemptsMax} running={state.kind === "running"} />
      ) : state.kind === "skipped" ? (
        <span className="cut">{skipWords(state.cause)}</span>
      ) : state.kind === "failed" && record.failedAttempts > 1 ? (
        <span className="cut num">{record.failedAttempts} attempts</span>
      ) : (
        <bdi className="cut mono">{visible(step.action)}</bdi>
      )}
      <NodeTime look={look} />
    </>
  );
}

/** While it is tried again: so many of so many. Of what has failed for good none are left, whatever was allowed. */
export function pipsOf(step: Step, { record }: Look): boolean {
  const { kind } = record.state;
  return step.attemptsMax > 1 && record.failedAttempts > 0 && (kind === "retryDelay" || kind === "running");
}

/** How long it took or takes, or when it goes on; in the past as it was then. Nothing of a step that never began. */
export function NodeTime({ look }: { look: Look }) {
  const { startedAt, endedAt, state } = look.record;
  switch (state.kind) {
    case "retryDelay":
    case "waiting":
      return look.asOf === undefined ? <Until className="num" at={state.until} /> : <span className="num">{until(state.until, look.asOf)}</span>;
    case "running":
      return <Took from={state.since} to={look.asOf} />;
    case "completed":
    case "failed":
      return startedAt === undefined ? null : <Took from={startedAt} to={endedAt ?? startedAt} />;
    default:
      return look.readySince === undefined ? null : <Took from={look.readySince} to={look.asOf} />;
  }
}

/** Whether there is a time to say of it. */
export function hasTime({ record, readySince }: Look): boolean {
  const { kind } = record.state;
  return kind === "running" || kind === "waiting" || kind === "retryDelay" || readySince !== undefined || ((kind === "completed" || kind === "failed") && record.startedAt !== undefined);
}

const PIPS_MAX = 6;

/** Attempts that were made, of those that there are. */
export function Pips({ failed, max, running }: { failed: number; max: number; running: boolean }) {
  const words = `${failed} of ${max} attempts failed`;
  if (max > PIPS_MAX) return <span className="num" title={words}>{`${failed}/${max}`}</span>;
  return (
    <span className="pips" role="img" aria-label={words}>
      {Array.from({ length: max }, (_, index) => (
        <span key={index} data-pip={index < failed ? "failed" : index === failed && running ? "running" : "open"} />
      ))}
    </span>
  );
}
