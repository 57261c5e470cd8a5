// How far is the bulk job, and what of it was refused, and why? Live until it is over.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { createJob, executionOf } from "../api/calls";
import { get, newKey, post, Problem } from "../api/client";
import { path } from "../api/routes";
import { openStream } from "../api/stream";
import type { Job, JobItem } from "../api/types";
import { VERBS } from "../executions/SelectionBar";
import { count, counted, shortId, visible } from "../format/text";
import { Heading } from "../frame/Frame";
import { Empty, Failed, sentence, Skeleton } from "../parts/panels";
import { useRowKeys } from "../parts/rows";
import { kindOf, Status } from "../parts/status";
import { Ago, Took } from "../parts/time";
import type { JobSearch } from "../router/search";
import "../parts/sheet.css";
import "./job.css";

const PAST = { retry: "retried", replay: "replayed", pause: "paused", resume: "resumed", cancel: "cancelled" } as const;
const STATUS_IN_TAB = { running: "running", waiting: "paused", stopped: "cancelled", completed: "completed", failed: "failed" } as const;
const OVER = new Set(["stopped", "completed"]);

export function OneJob() {
  const { id } = useParams({ from: "/jobs/$id" });
  const client = useQueryClient();
  const key = ["job", id];
  const found = useQuery({ queryKey: key, queryFn: ({ signal }) => get("/jobs/{id}", { path: { id }, signal }) });
  const over = found.data !== undefined && OVER.has(found.data.status);
  const there = found.data !== undefined;
  useEffect(() => {
    if (!there || over) return;
    const close = openStream({
      path: path("/jobs/{id}/stream", { id }),
      onEvents: (events) => {
        const last = events.filter((event) => event.event === "job").at(-1);
        if (last) client.setQueryData(["job", id], JSON.parse(last.data) as Job);
        if (events.some((event) => event.event === "end")) {
          close();
          void client.invalidateQueries({ queryKey: ["job", id] });
        }
      },
    });
    return close;
  }, [id, there, over, client]);
  const job = found.data;
  return (
    <>
      <Heading
        back={
          <Link to="/executions" className="back">
            ‹ Executions
          </Link>
        }
        title={job ? `${VERBS[job.action]} ${counted(job.matched, "execution")}` : "Job"}
        tab={job ? `${VERBS[job.action]} ${job.status === "running" ? `${count(job.done + job.failed + job.skipped)} of ` : ""}${count(job.matched)}` : "Job"}
        status={job && STATUS_IN_TAB[job.status === "completed" && job.failed > 0 ? "failed" : job.status]}
      />
      <div className="sheet sheet-narrow">
        {found.isPending ? (
          <Skeleton rows={6} />
        ) : job ? (
          <Progress job={job} />
        ) : found.error instanceof Problem && found.error.status === 404 ? (
          <Empty icon="search" title="There is no job with this id. Jobs are kept for 30 days." />
        ) : (
          <Failed error={found.error} onRetry={() => void found.refetch()} />
        )}
      </div>
    </>
  );
}

function Progress({ job }: { job: Job }) {
  const client = useQueryClient();
  const handled = job.done + job.failed + job.skipped;
  const control = useMutation({
    mutationFn: (verb: "stop" | "continue") => post(`/jobs/{id}/${verb}`, { path: { id: job.id } }),
    onSuccess: (next) => client.setQueryData(["job", job.id], next),
  });
  const share = (value: number): string => `${job.matched === 0 ? 0 : (value / job.matched) * 100}%`;
  return (
    <>
      <header className="job-head">
        <p className="quiet-text">
          {job.by !== undefined && <>by <bdi>{visible(job.by)}</bdi>, </>}
          <Ago at={job.createdAt} /> · {job.finishedAt === undefined ? "for " : "took "}
          <Took from={job.createdAt} to={job.finishedAt} />
          {job.rate !== undefined && job.status === "running" && ` · ${count(Math.round(job.rate))} a second`}
        </p>
      </header>
      <section aria-label="Progress">
        <div className="progress" role="progressbar" aria-label="Handled" aria-valuemin={0} aria-valuemax={job.matched} aria-valuenow={handled}>
          <span className="done" style={{ width: share(job.done) }} />
          <span className="failed" style={{ width: share(job.failed) }} />
          <span className="skipped" style={{ width: share(job.skipped) }} />
        </div>
        <p className="job-sentence" role="status">
          <Sentence job={job} handled={handled} />
        </p>
        <div className="form-actions">
          {job.status === "running" && (
            <button type="button" className="button" disabled={control.isPending} onClick={() => control.mutate("stop")}>
              Stop
            </button>
          )}
          {control.isError && <span className="form-problem" role="alert">{sentence(control.error)}</span>}
        </div>
      </section>
      {job.status === "waiting" && <Canary job={job} onGo={() => control.mutate("continue")} onStop={() => control.mutate("stop")} busy={control.isPending} />}
      <Items job={job} />
    </>
  );
}

function Sentence({ job, handled }: { job: Job; handled: number }) {
  const past = PAST[job.action];
  const not = job.failed + job.skipped;
  if (job.status === "running") return <>{count(handled)} of {count(job.matched)} handled, {count(job.done)} {past}.</>;
  if (job.status === "waiting") return <>One was tried. The other {count(job.matched - handled)} wait for you.</>;
  const left = job.matched - handled;
  return (
    <>
      {job.status === "stopped" && left > 0 ? `Stopped: ${count(left)} were not touched. ` : ""}
      {count(job.done)} {past}
      {not > 0 ? `, ${count(not)} not${job.failed === 0 ? ": their state had changed meanwhile" : ""}.` : "."}
    </>
  );
}

/** What came of the one that was tried: looked at, not guessed; that it was begun again says nothing yet. */
function Canary({ job, onGo, onStop, busy }: { job: Job; onGo(): void; onStop(): void; busy: boolean }) {
  const item = job.canary;
  const id = item?.newExecutionId ?? item?.executionId;
  const [asked] = useState(() => Date.now());
  const found = useQuery({
    queryKey: ["canary", id],
    queryFn: ({ signal }) => executionOf(id ?? "", { wait: "20s" }, signal),
    enabled: id !== undefined && item?.outcome === "done",
    staleTime: Number.POSITIVE_INFINITY,
    // Until it has ended it is asked again: the server answers as soon as that is so.
    refetchInterval: ({ state }) => (state.data && ["completed", "failed", "cancelled"].includes(state.data.status) ? false : 1000),
  });
  const rest = job.matched - job.done - job.failed - job.skipped;
  const status = found.data?.status;
  const good = status === "completed";
  const bad = status === "failed" || item?.outcome !== "done";
  return (
    <section className={`notice ${good ? "good" : bad ? "bad" : ""}`} aria-label="The one that was tried">
      <p>
        {id !== undefined && (
          <Link to="/executions/$id" params={{ id }} className="mono">
            {shortId(id)}
          </Link>
        )}{" "}
        {item?.outcome !== "done" ? `was refused: ${visible(item?.detail ?? "it has changed meanwhile")}` : good ? "completed." : bad ? `failed again. The other ${count(rest)} were not touched.` : status === undefined ? "is running again." : `is ${status}.`}{" "}
        {!good && !bad && (
          <span className="meta">
            since <Ago at={item?.at ?? asked} />
          </span>
        )}
      </p>
      <div className="form-actions job-canary">
        <button type="button" className={`button ${bad ? "" : "primary"}`} disabled={busy || rest === 0} onClick={onGo}>
          {VERBS[job.action]} the other {count(rest)}
        </button>
        <button type="button" className="button" disabled={busy} onClick={onStop}>
          Stop here
        </button>
        {found.data && <Status kind={kindOf(found.data.status)} />}
      </div>
    </section>
  );
}

/** Without the id, which stands at the beginning of the row. */
function why({ detail, code, executionId }: JobItem): string {
  const prefix = `execution ${executionId}: `;
  const at = detail?.indexOf(prefix) ?? -1;
  return detail === undefined ? (code ?? "") : at < 0 ? detail : detail.slice(at + prefix.length);
}

const OUTCOMES = [
  { key: undefined, label: "All" },
  { key: "failed", label: "Failed" },
  { key: "skipped", label: "Skipped" },
  { key: "done", label: "Done" },
] as const;

function Items({ job }: { job: Job }) {
  const search = useSearch({ from: "/jobs/$id" });
  const navigate = useNavigate();
  const [cursors, setCursors] = useState<readonly (string | undefined)[]>([undefined]);
  useEffect(() => setCursors([undefined]), [search.outcome]);
  const table = useRowKeys("Items");
  const refused = job.failed + job.skipped;
  const again = useMutation({
    mutationFn: async () => {
      const ids: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await get("/jobs/{id}/items", { path: { id: job.id }, query: { outcome: "failed", limit: 1000, cursor: numbered(cursor) } });
        ids.push(...page.items.map((item) => item.executionId));
        cursor = page.nextCursor;
      } while (cursor !== undefined && ids.length < 1000);
      return createJob({ action: job.action, ids: ids.slice(0, 1000) }, newKey());
    },
    onSuccess: (next) => void navigate({ to: "/jobs/$id", params: { id: next.id } }),
  });
  const numbers = { failed: job.failed, skipped: job.skipped, done: job.done };
  return (
    <section>
      <nav className="tabs" aria-label="Outcomes">
        {OUTCOMES.map(({ key, label }) => (
          <Link
            key={label}
            to="/jobs/$id"
            params={{ id: job.id }}
            search={(key === undefined ? {} : { outcome: key }) as JobSearch}
            aria-current={search.outcome === key ? "page" : undefined}
            activeOptions={{ exact: true }} activeProps={{}}
          >
            {label} <span className="meta num">{key === undefined ? count(job.done + refused) : count(numbers[key])}</span>
          </Link>
        ))}
        {job.failed > 0 && OVER.has(job.status) && (
          <button type="button" className="button small job-again" disabled={again.isPending} onClick={() => again.mutate()}>
            {VERBS[job.action]} the failed {count(job.failed)}
          </button>
        )}
      </nav>
      {again.isError && <p className="form-problem" role="alert">{sentence(again.error)}</p>}
      <table ref={table} className="grid stacks" aria-label="Executions of this job">
        <thead>
          <tr>
            <th scope="col">Execution</th>
            <th scope="col">Outcome</th>
            <th scope="col">Why</th>
            <th scope="col" className="right">When</th>
          </tr>
        </thead>
        {cursors.map((cursor, at) => (
          <ItemPage
            key={cursor ?? "first"}
            job={job}
            outcome={search.outcome}
            cursor={cursor}
            onMore={at === cursors.length - 1 ? (next) => setCursors([...cursors, next]) : undefined}
          />
        ))}
      </table>
    </section>
  );
}

/** The items of a job are counted, and a cursor is such a number. */
const numbered = (cursor: string | undefined): number | undefined => (cursor === undefined ? undefined : Number(cursor));

function ItemPage({ job, outcome, cursor, onMore }: { job: Job; outcome: JobSearch["outcome"]; cursor: string | undefined; onMore: ((cursor: string) => void) | undefined }) {
  const found = useQuery({
    queryKey: ["job", job.id, "items", outcome, cursor, job.done + job.failed + job.skipped],
    queryFn: ({ signal }) => get("/jobs/{id}/items", { path: { id: job.id }, query: { outcome, cursor: numbered(cursor), limit: 100 }, signal }),
    placeholderData: (before) => before,
  });
  const next = found.data?.nextCursor;
  return (
    <tbody>
      {found.data?.items.map((item) => (
        <tr key={item.executionId}>
          <td className="nowrap">
            <Link to="/executions/$id" params={{ id: item.newExecutionId ?? item.executionId }} className="mono" title={item.executionId} data-row="">
              {shortId(item.newExecutionId ?? item.executionId)}
            </Link>
          </td>
          <td className="nowrap">
            <Status kind={item.outcome === "done" ? "completed" : item.outcome === "failed" ? "failed" : "skipped"}>{item.outcome === "done" ? PAST[job.action] : item.outcome}</Status>
          </td>
          <td className="wide quiet-text">{visible(why(item))}</td>
          <td className="right quiet-text">
            <Ago at={item.at} />
          </td>
        </tr>
      ))}
      {(found.data?.items.length === 0 || found.isError) && (
        <tr>
          <td colSpan={4}>{found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : <span className="meta">None.</span>}</td>
        </tr>
      )}
      {next !== undefined && onMore && (
        <tr>
          <td colSpan={4}>
            <button type="button" className="linklike" onClick={() => onMore(next)}>
              Show more
            </button>
          </td>
        </tr>
      )}
    </tbody>
  );
}
