// What would this event start, and what did it? The dry run is asked while it is typed; nothing is sent before Send event.
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { dryRunEvent, sendEvent } from "../api/calls";
import { NoAnswer } from "../api/client";
import { definitionsQuery, systemQuery } from "../api/queries";
import type { EventDryRun, EventMatch, EventSent } from "../api/types";
import { shortId, visible } from "../format/text";
import { Heading } from "../frame/Frame";
import { check, JsonEditor } from "../json/editor";
import { preview } from "../json/lines";
import { Command } from "../parts/copy";
import { Failed, sentence } from "../parts/panels";
import { kindOf, Mark, Status } from "../parts/status";
import { said } from "../router/search";
import { useExecution } from "./live";
import "../parts/sheet.css";
import "./events.css";

const TYPING_MS = 250;

export function Events() {
  const search = useSearch({ from: "/events" });
  const navigate = useNavigate();
  const [name, setName] = useState(search.event ?? "");
  const [id, setId] = useState(search.id ?? "");
  const [text, setText] = useState("{}");
  const data = useMemo(() => check(text, { object: false }), [text]);
  const system = useQuery(systemQuery);
  const definitions = useQuery(definitionsQuery);
  const event = name.trim();
  const body = JSON.stringify({ event, data: data.value, ...(id.trim() !== "" && { id: id.trim() }) });
  const asked = useLate(body, TYPING_MS);
  const dry = useQuery({
    queryKey: ["events", "dry", asked],
    queryFn: ({ signal }) => dryRunEvent(asked, signal),
    enabled: (JSON.parse(asked) as { event: string }).event !== "" && data.problem === null,
    placeholderData: keepPreviousData,
  });
  const send = useMutation({
    mutationFn: async () => {
      // The answer to an event that was delivered before is that of the first time: only the dry run tells the two apart.
      const known = id.trim() === "" ? undefined : (await dryRunEvent(body)).duplicateOf;
      return { ...(await sendEvent(body)), duplicate: known !== undefined };
    },
    onSuccess: () => {
      void navigate({ to: "/events", search: said({ event: event || undefined, id: id.trim() || undefined }) as object, replace: true });
    },
  });
  const names = useMemo(
    () => [...new Set((definitions.data?.workflows ?? []).flatMap((one) => one.triggers ?? []).map((trigger) => trigger.event))].filter((one) => !one.includes("*")),
    [definitions.data],
  );
  const ready = event !== "" && data.problem === null;
  return (
    <>
      <Heading title="Events" tab="Events" />
      <div className="sheet ev">
        <form
          className="form"
          onSubmit={(submitted) => {
            submitted.preventDefault();
            if (ready && !send.isPending) send.mutate();
          }}
        >
          <div className="form-row">
            <label>
              <span>Event</span>
              <input className="field mono" value={name} list="event-names" placeholder="Order.placed" autoComplete="off" spellCheck={false} maxLength={256} onChange={(change) => setName(change.target.value)} />
              <datalist id="event-names">
                {names.map((one) => (
                  <option key={one} value={one} />
                ))}
              </datalist>
            </label>
            <label>
              <span>
                Event id <span className="meta">optional: the same id starts nothing twice</span>
              </span>
              <input className="field mono" value={id} placeholder="evt_1" autoComplete="off" spellCheck={false} maxLength={255} onChange={(change) => setId(change.target.value)} />
            </label>
          </div>
          <JsonEditor label="Data" value={text} onChange={setText} problem={data.problem} rows={10} onSubmit={() => ready && send.mutate()} />
          <div className="form-actions">
            {system.data?.access !== "read" && (
              <button type="submit" className="button primary" disabled={!ready || send.isPending}>
                {send.isPending ? "Sending…" : "Send event"}
              </button>
            )}
            {event !== "" && data.problem === null && <Command line={`workflow event ${event} --data '${JSON.stringify(data.value ?? {})}'`} />}
          </div>
          {send.isError && (
            <p className="form-problem" role="alert">
              {send.error instanceof NoAnswer
                ? `No answer came, so we do not know whether the event arrived. ${id.trim() === "" ? "Give it an id to send it again without starting twice." : "Send it again: its id keeps it from starting twice."}`
                : sentence(send.error)}
            </p>
          )}
        </form>
        <section aria-label="What it starts" className="ev-side">
          {send.data && <Sent answer={send.data} />}
          <h2>Dry run</h2>
          {event === "" ? (
            <p className="quiet-text">As you type, this shows which workflows the event would start, and why the others would not.</p>
          ) : dry.isError ? (
            <Failed error={dry.error} onRetry={() => void dry.refetch()} />
          ) : (
            dry.data && <Matches dry={dry.data} event={event} onName={setName} />
          )}
        </section>
      </div>
    </>
  );
}

function Matches({ dry, event, onName }: { dry: EventDryRun; event: string; onName(name: string): void }) {
  return (
    <div aria-live="polite" className="ev-matches">
      {dry.duplicateOf && (
        <p className="notice warn">
          This event id was already delivered. Nothing new would be started.{" "}
          {dry.duplicateOf.executions.map((id) => (
            <Link key={id} to="/executions/$id" params={{ id }} className="mono">
              {shortId(id)}{" "}
            </Link>
          ))}
        </p>
      )}
      {dry.matches.map((match) => (
        <Match key={`${match.workflowId} ${match.pattern}`} match={match} />
      ))}
      {dry.matches.length === 0 && (
        <p className="notice">
          No workflow listens to <code><bdi>{visible(event)}</bdi></code>.{" "}
          {dry.suggestion !== undefined && (
            <>
              Did you mean{" "}
              <button type="button" className="linklike" onClick={() => onName(dry.suggestion ?? "")}>
                <code>{visible(dry.suggestion)}</code>
              </button>
              ?
            </>
          )}
        </p>
      )}
    </div>
  );
}

function Match({ match }: { match: EventMatch }) {
  const { condition } = match;
  return (
    <div className="card ev-match" data-starts={match.wouldStart}>
      <p>
        <Mark kind={match.wouldStart ? "completed" : "skipped"} />{" "}
        <span>
          {match.wouldStart ? "would start " : "would not start "}
          <Link to="/workflows/$id" params={{ id: match.workflowId }} className="name">
            <bdi>{visible(match.workflowId)}</bdi>
          </Link>{" "}
          <span className="quiet-text">v{match.version}</span>
        </span>
      </p>
      <p className="quiet-text">
        Pattern <code><bdi>{visible(match.pattern)}</bdi></code> matches
        {condition ? (
          <>
            , condition <code><bdi>{visible(condition.expression)}</bdi></code>
            {Object.entries(condition.values).map(([path, value], at) => (
              <span key={path}>
                {at === 0 ? " read " : ", "}
                <code>
                  <bdi>
                    {visible(path)} = {value === null ? "undefined" : visible(preview(value))}
                  </bdi>
                </code>
              </span>
            ))}{" "}
            → <strong>{condition.error !== undefined ? visible(condition.error) : String(condition.result)}</strong>
          </>
        ) : (
          !match.wouldStart && `: ${visible(match.why)}`
        )}
        .
      </p>
    </div>
  );
}

function Sent({ answer }: { answer: EventSent & { duplicate: boolean } }) {
  return (
    <div className="ev-sent">
      <h2>Sent</h2>
      {answer.duplicate && <p className="notice warn">This event id was already delivered. Nothing new was started; these are from then.</p>}
      {answer.executions.length === 0 && !answer.duplicate && <p className="notice">It started nothing.</p>}
      <ul>
        {answer.executions.map((execution) => (
          <Started key={execution.id} id={execution.id} workflowId={execution.workflowId} />
        ))}
        {answer.refused.map((one) => (
          <li key={one.workflowId} className="notice bad">
            <bdi>{visible(one.workflowId)}</bdi> refused: {visible(one.message)}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Started({ id, workflowId }: { id: string; workflowId: string }) {
  const execution = useExecution(id);
  return (
    <li className="ev-started">
      <Status kind={execution ? kindOf(execution.status) : "pending"} />
      <bdi className="cut">{visible(workflowId)}</bdi>
      <Link to="/executions/$id" params={{ id }} className="mono" title={id}>
        {shortId(id)}
      </Link>
    </li>
  );
}

/** The value once it has stood still. */
function useLate<T>(value: T, ms: number): T {
  const [late, setLate] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLate(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return late;
}
