// One step: its attempts as tabs, and of the chosen one error, stack, output; beside them params, condition, settings.

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { duration } from "../format/duration";
import { bytes as sizeOf, visible } from "../format/text";
import { hasTime, NodeTime } from "../graph/detail";
import { at, type Step } from "../graph/steps";
import { markOf, wordOf } from "../graph/words";
import { JsonTree } from "../json/tree";
import { Copy } from "../parts/copy";
import { Icon } from "../parts/icons";
import { Failed, Skeleton } from "../parts/panels";
import { Mark } from "../parts/status";
import { Ago, Clock, Took, Until } from "../parts/time";
import type { Attempt, Outcome, Track } from "./course";
import { entryQuery } from "./entry";
import { stateQuery } from "./state";
import { type Failure, failureOf, type Receipt } from "./history";
import { useLook, useOf, useOpen } from "./hooks";

interface InspectorProps {
  id: string;
  step: number;
  attempt: number | undefined;
  onAttempt(attempt: number): void;
  onStep(step: string): void;
  onClose?: (() => void) | undefined;
}

const LOAD_MAX = 65_536;

export function Inspector({ id, step: index, attempt: wanted, onAttempt, onStep, onClose }: InspectorProps) {
  const open = useOpen();
  const seq = useAttemptsSeq(index);
  const step = at(open.graph.steps, index);
  const look = useLook(index);
  const track = at(open.course.tracks, index);
  // In the past only what had begun by then.
  const attempts = track.attempts.filter((attempt) => attempt.startSeq <= seq);
  const shown = attempts.find((attempt) => attempt.number === wanted) ?? attempts.at(-1);
  return (
    <div className="inspector">
      <header className="inspector-head">
        <Mark kind={markOf(look.kind)} size={18} />
        <h2 className="cut">
          <bdi>{visible(step.label)}</bdi>
        </h2>
        <code className="cut inspector-action" title="action">
          <bdi>{visible(step.action)}</bdi>
        </code>
        {onClose !== undefined && (
          <button type="button" className="button quiet small icon" aria-label="Close (Esc)" onClick={onClose}>
            <Icon name="close" size={14} />
          </button>
        )}
      </header>
      <p className="inspector-state">
        {wordOf(look.kind)}
        {(look.kind === "retrying" || look.kind === "running") && look.record.failedAttempts > 0 && ` · attempt ${look.record.failedAttempts} of ${step.attemptsMax} failed`}
        {(look.kind === "failed" || look.kind === "failedHandled") && look.record.failedAttempts > 1 && ` after ${look.record.failedAttempts} attempts`}
        {hasTime(look) && (
          <>
            {" · "}
            <NodeTime look={look} />
          </>
        )}
        {step.label !== step.id && (
          <>
            {" "}
            · <code>{visible(step.id)}</code>
          </>
        )}
      </p>
      <Attempts attempts={attempts} shown={shown} pending={look.record.state.kind === "retryDelay" ? look.record.state.until : undefined} seq={seq} onAttempt={onAttempt} />
      {shown !== undefined && <OneAttempt key={shown.number} id={id} attempt={shown} seq={seq} />}
      <WithoutAttempt track={track} seq={seq} />
      <Around step={step} onStep={onStep} />
      {look.record.receipt !== undefined && <ReceiptView receipt={look.record.receipt} />}
      {look.record.receipt === undefined && step.definition.condition !== undefined && (
        <Section title="Condition" open>
          <code className="block">{visible(step.definition.condition)}</code>
          <p className="meta">{look.kind === "skipped" ? "Not evaluated: all before it were skipped." : "Not evaluated yet."}</p>
        </Section>
      )}
      {step.definition.params !== undefined && (
        <Section title="Params, as defined">
          <JsonTree value={step.definition.params} label={`params of ${step.id}`} depth={2} />
        </Section>
      )}
      <Settings step={step} />
    </div>
  );
}

/** The newest entry about the step, of those that are looked at: what is shown of it changes with that only. */
function useAttemptsSeq(step: number): number {
  const open = useOpen();
  return useOf(open, ({ execution }) => {
    const { attempts, skipped, failedWithout } = at(open.course.tracks, step);
    let seq = Math.max(skipped !== undefined && skipped.seq <= execution.seq ? skipped.seq : 0, failedWithout !== undefined && failedWithout.seq <= execution.seq ? failedWithout.seq : 0);
    for (const { startSeq, endSeq } of attempts) {
      if (startSeq > execution.seq) break;
      seq = Math.max(seq, endSeq !== undefined && endSeq <= execution.seq ? endSeq : startSeq);
    }
    return seq;
  });
}

function Section({ title, more, open = false, onOpen, children }: { title: ReactNode; more?: ReactNode; open?: boolean; onOpen?: () => void; children: ReactNode }) {
  return (
    <details className="section" open={open} onToggle={(event) => event.currentTarget.open && onOpen?.()}>
      <summary>
        <span className="section-title">{title}</span>
        {more !== undefined && <span className="section-more cut">{more}</span>}
      </summary>
      <div className="section-body">{children}</div>
    </details>
  );
}

const OUTCOME_MARK = { running: "running", completed: "completed", failed: "failed", interrupted: "noWorker", cancelled: "cancelled" } as const satisfies Record<Outcome, string>;

/** What became of an attempt by a moment. */
const outcomeBy = (attempt: Attempt, seq: number): Outcome => (attempt.endSeq === undefined || attempt.endSeq > seq ? "running" : attempt.outcome);

interface AttemptsProps {
  attempts: readonly Attempt[];
  shown: Attempt | undefined;
  pending: number | undefined;
  seq: number;
  onAttempt(attempt: number): void;
}

const TABS_MAX = 6;

/** The newest are shown; the older ones are in a list. */
function Attempts({ attempts, shown, pending, seq, onAttempt }: AttemptsProps) {
  if (attempts.length === 0) return null;
  const tabs = attempts.slice(-TABS_MAX);
  const older = attempts.slice(0, -TABS_MAX);
  return (
    <div className="attempts">
      {older.length > 0 && <Older max={at(older, older.length - 1).number} shown={shown} onAttempt={onAttempt} />}
      <div className="attempts-tabs" role="tablist" aria-label="Attempts">
        {tabs.map((attempt, index) => (
          <button key={attempt.number} type="button" role="tab" aria-selected={attempt === shown} className="attempt" onClick={() => onAttempt(attempt.number)}>
            {index === 0 && older.length === 0 && "Attempt "}
            {attempt.number}
            <Mark kind={OUTCOME_MARK[outcomeBy(attempt, seq)]} size={12} title={outcomeBy(attempt, seq)} />
          </button>
        ))}
      </div>
      {pending !== undefined && (
        <span className="attempt attempt-next">
          next <Until at={pending} />
        </span>
      )}
    </div>
  );
}

/** There may be thousands: by number. */
function Older({ max, shown, onAttempt }: { max: number; shown: Attempt | undefined; onAttempt(attempt: number): void }) {
  return (
    <input
      className="field attempts-older num"
      type="number"
      min={1}
      max={max}
      placeholder={`1–${max}`}
      aria-label={`An older attempt, 1 to ${max}`}
      defaultValue={shown !== undefined && shown.number <= max ? shown.number : ""}
      onChange={(event) => {
        const wanted = Number(event.target.value);
        if (Number.isInteger(wanted) && wanted >= 1 && wanted <= max) onAttempt(wanted);
      }}
    />
  );
}

function OneAttempt({ id, attempt, seq }: { id: string; attempt: Attempt; seq: number }) {
  const outcome = outcomeBy(attempt, seq);
  const ended = outcome === "running" ? undefined : attempt.endedAt;
  const queued = attempt.startedAt - attempt.readyAt;
  return (
    <>
      <dl className="facts">
        <dt>Began</dt>
        <dd>
          <Clock at={attempt.startedAt} precision="milliseconds" /> <Ago at={attempt.startedAt} className="meta" />
        </dd>
        <dt>{ended === undefined ? "Running" : "Took"}</dt>
        <dd>
          <Took from={attempt.startedAt} to={ended} />
          {queued > 0 && <span className="meta"> after {duration(queued)} in the queue</span>}
        </dd>
        {attempt.session !== undefined && (
          <>
            <dt>Worker</dt>
            <dd>
              <code className="cut">
                <bdi>{visible(attempt.session)}</bdi>
              </code>
            </dd>
          </>
        )}
        {outcome === "interrupted" && (
          <>
            <dt>Outcome</dt>
            <dd>Its worker was lost. It ran again, and this does not count as a retry.</dd>
          </>
        )}
        {outcome === "cancelled" && (
          <>
            <dt>Outcome</dt>
            <dd>Cancelled. It was told to stop; a late result is ignored.</dd>
          </>
        )}
      </dl>
      {outcome === "failed" && attempt.failure !== undefined && <FailureView id={id} failure={attempt.failure} seq={attempt.endSeq} />}
      <Given id={id} attempt={attempt} />
      {outcome === "completed" && attempt.endSeq !== undefined && <Output id={id} seq={attempt.endSeq} bytes={attempt.outputBytes} />}
    </>
  );
}

/** What the engine knew when the attempt began, and gave to the action. Asked for when it is opened. */
function Given({ id, attempt }: { id: string; attempt: Attempt }) {
  const [wanted, setWanted] = useState(false);
  const { data, error, refetch } = useQuery({ ...stateQuery(id, attempt.startSeq), enabled: wanted });
  return (
    <Section title="Input and state it was given" onOpen={() => setWanted(true)}>
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} what="The state could not be read." />
      ) : data === undefined ? (
        <Skeleton rows={2} height={20} />
      ) : (
        <JsonTree value={data.state ?? {}} label={`state given to attempt ${attempt.number}`} root="state" depth={2} />
      )}
    </Section>
  );
}

/** A stack that is no longer is there at once: it is what somebody came for. */
const STACK_LINES_OPEN = 12;

/** The message is here; the stack, which the light history leaves out, comes with the whole entry. */
function FailureView({ id, failure, seq }: { id: string; failure: Failure; seq: number | undefined }) {
  const whole = useQuery({ ...entryQuery(id, seq ?? 0), enabled: seq !== undefined });
  const error = (whole.data && failureOf(whole.data)) ?? failure;
  const lines = error.stack?.split("\n").length ?? 0;
  return (
    <div className="failure">
      <p className="failure-message">
        <bdi>{visible(error.message)}</bdi>
        <Copy text={error.message} label="Copy the message" />
      </p>
      <p className="meta">
        {error.code !== undefined && <code>{visible(error.code)}</code>} {error.retryable === false && "not to be tried again"}
      </p>
      {error.cause !== undefined && (
        <p className="meta">
          caused by <bdi>{visible(error.cause.message)}</bdi>
        </p>
      )}
      {error.stack !== undefined && (
        <Section title={`Stack · ${lines} lines`} open={lines <= STACK_LINES_OPEN}>
          <Copy text={error.stack} label="Copy the stack" />
          <pre className="stack scrolls" tabIndex={0}>
            {visible(error.stack)}
          </pre>
        </Section>
      )}
    </div>
  );
}

/** Small outputs come at once, large ones when they are asked for. */
function Output({ id, seq, bytes }: { id: string; seq: number; bytes: number | undefined }) {
  const [wanted, setWanted] = useState((bytes ?? 0) <= LOAD_MAX);
  const { data, error, refetch } = useQuery({ ...entryQuery(id, seq), enabled: wanted });
  if (error) return <Failed error={error} onRetry={() => void refetch()} what="The output could not be read." />;
  if (!wanted) {
    return (
      <Section title="Output" open>
        {sizeOf(bytes ?? 0)} of JSON.{" "}
        <button type="button" className="linklike" onClick={() => setWanted(true)}>
          Show it
        </button>
      </Section>
    );
  }
  if (data === undefined) return <Skeleton rows={2} height={20} />;
  if (data.type !== "step_complete" || data.data?.output === undefined) return <p className="meta section-none">It returned nothing.</p>;
  return (
    <Section title="Output" open>
      <JsonTree value={data.data.output} label={`output of ${data.stepId}`} root={`steps.${data.stepId}.output`} />
    </Section>
  );
}

const SKIPPED: Record<string, string> = { condition: "its condition was false", dependencies: "everything that it runs after was skipped", notBranchedTo: "no failure led here" };

function WithoutAttempt({ track, seq }: { track: Track; seq: number }) {
  const { failedWithout, skipped } = track;
  return (
    <>
      {failedWithout !== undefined && failedWithout.seq <= seq && (
        <div className="failure">
          <p className="failure-message">
            <bdi>{visible(failedWithout.failure.message)}</bdi>
          </p>
          <p className="meta">It failed without an attempt. {failedWithout.failure.code !== undefined && <code>{visible(failedWithout.failure.code)}</code>}</p>
        </div>
      )}
      {skipped !== undefined && skipped.seq <= seq && (
        <p className="inspector-note">
          Skipped at <Clock at={skipped.at} />: {SKIPPED[skipped.cause] ?? skipped.cause}.
        </p>
      )}
    </>
  );
}

/** The steps before and after, to go to. */
function Around({ step, onStep }: { step: Step; onStep(step: string): void }) {
  const { graph } = useOpen();
  const links = (indices: readonly number[]) =>
    indices.slice(0, 8).map((index) => {
      const { id, label } = at(graph.steps, index);
      return (
        <button key={id} type="button" className="chip" onClick={() => onStep(id)}>
          <bdi className="cut">{visible(label)}</bdi>
        </button>
      );
    });
  const lines: [string, readonly number[]][] = [
    ["Runs after", step.dependsOn],
    ["Leads to", step.dependents],
    ["If this fails", step.namedBy],
    ["On failure", step.branchesTo === undefined ? [] : [step.branchesTo]],
  ];
  const there = lines.filter(([, indices]) => indices.length > 0);
  if (there.length === 0) return null;
  return (
    <dl className="facts">
      {there.map(([name, indices]) => (
        <div key={name} className="facts-line">
          <dt>{name}</dt>
          <dd className="chips">
            {links(indices)}
            {indices.length > 8 && <span className="meta">and {indices.length - 8} more</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** The expression, the values that it read, and what came of it. */
export function ReceiptView({ receipt }: { receipt: Receipt }) {
  const reads = Object.entries(receipt.values);
  const result = shown(receipt.result);
  return (
    <Section title="Condition" more={`→ ${result}`} open>
      <code className="block">
        <bdi>{visible(receipt.expression)}</bdi>
      </code>
      <table className="receipt">
        <tbody>
          {reads.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">
                <code>
                  <bdi>{visible(name)}</bdi>
                </code>
              </th>
              <td>
                <code>
                  <bdi>{visible(shown(value)).slice(0, 400)}</bdi>
                </code>
              </td>
            </tr>
          ))}
          <tr className="receipt-result">
            <th scope="row">result</th>
            <td>
              <code>{visible(result)}</code>
            </td>
          </tr>
        </tbody>
      </table>
    </Section>
  );
}

/** A value as one line of JSON; what was `undefined` came as null. */
const shown = (value: unknown): string => (value === undefined || value === null ? "undefined or null" : JSON.stringify(value));

function Settings({ step }: { step: Step }) {
  const { maxRetries, retryDelay, backoff, maxRetryDelay, timeout, wait, onError, errorBranch } = step.definition;
  const lines: [string, unknown][] = [
    ["attempts", step.attemptsMax],
    ["retryDelay", retryDelay],
    ["backoff", backoff],
    ["maxRetryDelay", maxRetryDelay],
    ["timeout", timeout],
    ["wait", wait],
    ["onError", onError],
    ["errorBranch", errorBranch],
  ];
  const said = lines.filter(([, value]) => value !== undefined);
  return (
    <Section title="Settings" more={[`retries ${maxRetries ?? step.attemptsMax - 1}`, ...(timeout === undefined ? [] : [`timeout ${timeout}`])].join(", ")}>
      <dl className="facts">
        {said.map(([name, value]) => (
          <div key={name} className="facts-line">
            <dt>{name}</dt>
            <dd>
              <code>{visible(String(value))}</code>
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
