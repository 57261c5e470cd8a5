// Is the engine well, and who serves what?
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import { get } from "../api/client";
import { systemQuery } from "../api/queries";
import { openStream } from "../api/stream";
import type { Node, System as SystemAnswer, Worker } from "../api/types";
import { VERBS } from "../executions/SelectionBar";
import { duration } from "../format/duration";
import { bytes, count, counted, percent, visible } from "../format/text";
import { Heading } from "../frame/Frame";
import { Command } from "../parts/copy";
import { Empty, Failed, Skeleton } from "../parts/panels";
import { useRowKeys } from "../parts/rows";
import { Sparkline } from "../parts/sparkline";
import { Mark, Status } from "../parts/status";
import { Ago } from "../parts/time";
import { answer, shareOf, standingOf } from "./nodes";
import "../parts/sheet.css";

const REFRESH_MS = 5_000;
/** One engine by itself: whether it is joined by others is no hurry. */
const ALONE_REFRESH_MS = 30_000;

export function System() {
  const search = useSearch({ from: "/system" });
  const client = useQueryClient();
  const found = useQuery({ ...systemQuery, refetchOnMount: "always" });
  useEffect(
    () =>
      openStream({
        path: "/system/stream",
        onEvents: (events) => {
          const last = events.filter((event) => event.event === "system").at(-1);
          if (last) client.setQueryData(systemQuery.queryKey, JSON.parse(last.data) as SystemAnswer);
        },
      }),
    [client],
  );
  const tab = search.tab ?? "workers";
  return (
    <>
      <Heading title="System" tab="System" />
      <div className="sheet">
        {found.data ? <Cards system={found.data} /> : found.isPending ? <Skeleton rows={4} /> : <Failed error={found.error} onRetry={() => void found.refetch()} />}
        <Engines />
        <section>
          <nav className="tabs" aria-label="Of the system">
            {(["workers", "actions", "jobs"] as const).map((one) => (
              <Link key={one} to="/system" search={one === "workers" ? {} : { tab: one }} aria-current={tab === one ? "page" : undefined} activeOptions={{ exact: true }} activeProps={{}}>
                {{ workers: "Workers", actions: "Actions", jobs: "Jobs" }[one]}
              </Link>
            ))}
          </nav>
          {tab === "workers" ? <Workers /> : tab === "actions" ? <Actions wanted={search.action} /> : <Jobs />}
        </section>
      </div>
    </>
  );
}

const one = (value: number): string => (value < 10 ? (Math.round(value * 10) / 10).toString() : count(Math.round(value)));

function Cards({ system }: { system: SystemAnswer }) {
  const { store, queue, rates, series } = system;
  return (
    <div className="cards">
      <section className="card">
        <h2>Engine</h2>
        <p className="big">{system.ready ? "Takes work" : "Takes no work now"}</p>
        <Sparkline className="run" values={series.steps} label="Steps a second over ten minutes" width={240} height={32} />
        <dl className="facts">
          <dt>Version</dt>
          <dd>{visible(system.version)}</dd>
          <dt>Up for</dt>
          <dd>{duration(system.uptimeMs)}</dd>
          <dt>Starts, steps a second</dt>
          <dd>
            {one(rates.starts)}, {one(rates.steps)}
          </dd>
          <dt>Commit p99</dt>
          <dd>{system.commitP99Ms === undefined ? "–" : `${one(system.commitP99Ms)} ms`}</dd>
        </dl>
      </section>
      <section className="card">
        <h2>Queue</h2>
        <p className="big">{counted(queue.ready, "ready step")}</p>
        <Sparkline className="run" values={series.running} label="Running attempts over ten minutes" width={240} height={32} />
        <dl className="facts">
          <dt>Oldest waits</dt>
          <dd>{queue.oldestMs === undefined ? "–" : duration(queue.oldestMs)}</dd>
          <dt>Running attempts</dt>
          <dd>{count(queue.running)}</dd>
          <dt>Commands queued</dt>
          <dd>{count(queue.queued)}</dd>
          <dt>In memory</dt>
          <dd>
            {count(queue.resident)}, {bytes(queue.residentBytes)}
          </dd>
        </dl>
      </section>
      <section className="card">
        <h2>Store</h2>
        <p className="big">{counted(store.executions, "execution")}</p>
        <Sparkline values={series.commitP99Ms} label="Commit p99 over ten minutes" width={240} height={32} />
        <dl className="facts">
          {store.schema !== undefined && (
            <>
              <dt>Schema</dt>
              <dd>{store.schema}</dd>
            </>
          )}
          <dt>Size</dt>
          <dd>
            {bytes(store.bytes)}
            {store.logBytes > 0 && ` + ${bytes(store.logBytes)} log`}
          </dd>
          <dt>Free on disk</dt>
          <dd>{store.diskFreeBytes === undefined ? "–" : bytes(store.diskFreeBytes)}</dd>
        </dl>
      </section>
    </div>
  );
}

const STANDINGS = {
  live: ["running", "Live"],
  coming: ["waiting", "No share yet"],
  lapsed: ["failed", "Lapsed"],
} as const;

/** Those that share the database; an engine that has it for itself is in the cards. */
function Engines() {
  const found = useQuery({
    queryKey: ["nodes"],
    queryFn: ({ signal }) => get("/nodes", { signal }),
    refetchInterval: ({ state }) => ((state.data?.nodes.length ?? 0) > 1 ? REFRESH_MS : ALONE_REFRESH_MS),
  });
  if (found.isPending) return null;
  if (!found.data) return <Failed error={found.error} onRetry={() => void found.refetch()} />;
  const { nodes } = found.data;
  if (nodes.length < 2) return null;
  const { words, bad } = answer(nodes);
  return (
    <section>
      <h2>Engines</h2>
      <p role="status" className={bad ? "notice bad" : "quiet-text"}>
        {words}
      </p>
      <table className="grid stacks" aria-label="Engines">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Status</th>
            <th scope="col">Share</th>
            <th scope="col">Joined</th>
            <th scope="col">Address</th>
          </tr>
        </thead>
        <tbody>
          {nodes.map((node) => (
            <Engine key={node.id} node={node} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Engine({ node }: { node: Node }) {
  const [kind, word] = STANDINGS[standingOf(node)];
  const share = shareOf(node);
  return (
    <tr>
      <td className="nowrap">
        <bdi className="name" title={visible(node.id)}>
          {visible(node.name)}
        </bdi>
        {node.self && <span className="quiet-text">, answered</span>}
      </td>
      <td className="nowrap">
        <Status kind={kind}>{word}</Status>
      </td>
      <td className="nowrap">
        <span className="sy-slots" title={`${count(node.slots)} of 4,096 slots`}>
          <span className="progress" aria-hidden="true">
            <span className="sy-some" style={{ width: `${share * 100}%` }} />
          </span>
          {percent(share)}
        </span>
      </td>
      <td className="nowrap quiet-text" data-label="joined">
        <Ago at={node.joinedAt} />
      </td>
      <td className="wide quiet-text">{node.url !== undefined && <bdi>{visible(node.url)}</bdi>}</td>
    </tr>
  );
}

/** A worker that was given no name has its session for one. */
const NAMELESS = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const KINDS = { worker: "Worker", endpoint: "Endpoint", inProcess: "This process" } as const;

function Workers() {
  const found = useQuery({ queryKey: ["workers"], queryFn: ({ signal }) => get("/workers", { signal }), refetchInterval: REFRESH_MS });
  if (found.isPending) return <Skeleton rows={4} />;
  if (!found.data) return <Failed error={found.error} onRetry={() => void found.refetch()} />;
  const inProcess = found.data.workers.find((worker) => worker.kind === "inProcess");
  const remote = found.data.workers.filter((worker) => worker.kind !== "inProcess");
  if (remote.length === 0 && (inProcess?.actions.length ?? 0) === 0) {
    return (
      <Empty icon="system" title={`No worker is connected. Actions in this process: ${inProcess?.actions.length ?? 0}.`}>
        <p>A worker connects by itself, or the engine calls an endpoint:</p>
        <Command line="workflow endpoint add shop http://127.0.0.1:4800" />
      </Empty>
    );
  }
  return (
    <table className="grid stacks" aria-label="Workers">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Kind</th>
          <th scope="col">Running of slots</th>
          <th scope="col">Seen</th>
          <th scope="col">Actions</th>
        </tr>
      </thead>
      <tbody>
        {found.data.workers.map((worker) => (
          <tr key={worker.id}>
            <td className="nowrap name">
              <bdi title={visible(worker.id)}>{NAMELESS.test(worker.name) ? `Worker ${worker.name.slice(0, 8)}` : visible(worker.name)}</bdi>
            </td>
            <td className="nowrap quiet-text">{KINDS[worker.kind]}</td>
            <td className="nowrap">
              <Slots running={worker.running} slots={worker.slots} />
            </td>
            <td className={`nowrap quiet-text ${worker.kind === "worker" ? "" : "hide-small"}`} data-label="seen">
              <Seen worker={worker} />
            </td>
            <td className="wide quiet-text">
              {worker.unreachable !== undefined && <span className="wanted">Not reachable: {visible(worker.unreachable)}. </span>}
              {worker.actions.slice(0, 8).map((action, at) => (
                <span key={action}>
                  {at > 0 && ", "}
                  <code>
                    <bdi>{visible(action)}</bdi>
                  </code>
                </span>
              ))}
              {worker.actions.length > 8 && ` and ${worker.actions.length - 8} more`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** When a remote worker last said anything; nobody else has to say that it is there. */
function Seen({ worker: { lastSeen, away } }: { worker: Worker }) {
  if (lastSeen === undefined && !away) return <span className="zero">–</span>;
  return (
    <>
      {lastSeen !== undefined && <Ago at={lastSeen} />}
      {lastSeen !== undefined && away && ", "}
      {away && (
        <span className="wanted" title="It has lost its connection and is expected back: what it runs goes on">
          away
        </span>
      )}
    </>
  );
}

function Slots({ running, slots }: { running: number; slots: number }) {
  return (
    <span className="sy-slots">
      <span className="progress" aria-hidden="true">
        <span className={running >= slots && slots > 0 ? "sy-full" : "sy-some"} style={{ width: `${slots === 0 ? 0 : Math.min(100, (running / slots) * 100)}%` }} />
      </span>
      {count(running)} of {count(slots)}
    </span>
  );
}

function Actions({ wanted }: { wanted: string | undefined }) {
  const found = useQuery({ queryKey: ["actions"], queryFn: ({ signal }) => get("/actions", { signal }), refetchInterval: REFRESH_MS });
  useEffect(() => {
    if (wanted !== undefined && found.data) document.getElementById(`action-${wanted}`)?.scrollIntoView({ block: "center" });
  }, [wanted, found.data !== undefined]);
  if (found.isPending) return <Skeleton rows={4} />;
  if (!found.data) return <Failed error={found.error} onRetry={() => void found.refetch()} />;
  const missing = found.data.actions.filter((action) => action.providers.length === 0 && action.waiting > 0);
  if (found.data.actions.length === 0) return <Empty icon="system" title="No workflow uses an action, and nobody provides one." />;
  return (
    <>
      {missing.map((action) => (
        <p key={action.action} className="notice warn sy-missing">
          <Mark kind="noWorker" />
          <span>
            Nobody provides{" "}
            <code>
              <bdi>{visible(action.action)}</bdi>
            </code>
            :{" "}
            <Link to="/executions" search={{ attention: "noWorker" }}>
              {counted(action.waiting, "step waits", "steps wait")}
              {!action.waitingExact && " or more"}
            </Link>
            {action.oldestSince !== undefined && (
              <>
                , the oldest since <Ago at={action.oldestSince} />
              </>
            )}
            .
          </span>
        </p>
      ))}
      <table className="grid stacks" aria-label="Actions">
        <thead>
          <tr>
            <th scope="col">Action</th>
            <th scope="col">Provided by</th>
            <th scope="col">Slots</th>
            <th scope="col" className="right">Waiting</th>
            <th scope="col">Used by</th>
          </tr>
        </thead>
        <tbody>
          {found.data.actions.map((action) => (
            <tr key={action.action} id={`action-${action.action}`} data-wanted={action.action === wanted}>
              <td className="nowrap name">
                <code>
                  <bdi>{visible(action.action)}</bdi>
                </code>
              </td>
              <td className="nowrap">{action.providers.length === 0 ? <span className="wanted">nobody</span> : counted(action.providers.length, "provider")}</td>
              <td className="nowrap">{counted(action.slots, "slot")}</td>
              <td className={`right ${action.waiting === 0 ? "zero" : ""}`} data-label="waiting">
                {count(action.waiting)}
                {!action.waitingExact && "+"}
              </td>
              <td className="wide">
                {action.usedBy.slice(0, 4).map((use, at) => (
                  <span key={use.workflowId}>
                    {at > 0 && ", "}
                    <Link to="/workflows/$id" params={{ id: use.workflowId }}>
                      <bdi>{visible(use.workflowId)}</bdi>
                    </Link>
                  </span>
                ))}
                {action.usedBy.length > 4 && ` and ${action.usedBy.length - 4} more`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Jobs() {
  const table = useRowKeys("Jobs");
  const found = useQuery({ queryKey: ["jobs"], queryFn: ({ signal }) => get("/jobs", { signal }), refetchInterval: REFRESH_MS });
  if (found.isPending) return <Skeleton rows={4} />;
  if (!found.data) return <Failed error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data.jobs.length === 0) {
    return (
      <Empty icon="executions" title="Nothing was done in bulk in the last 30 days.">
        <p>
          Select <Link to="/executions" search={{ status: ["failed"] }}>failed executions</Link> and retry them together.
        </p>
      </Empty>
    );
  }
  return (
    <table ref={table} className="grid stacks" aria-label="Jobs">
      <thead>
        <tr>
          <th scope="col">Job</th>
          <th scope="col">Status</th>
          <th scope="col" className="right">Done</th>
          <th scope="col" className="right">Failed</th>
          <th scope="col" className="right">Skipped</th>
          <th scope="col">By</th>
          <th scope="col" className="right">When</th>
        </tr>
      </thead>
      <tbody>
        {found.data.jobs.map((job) => (
          <tr key={job.id}>
            <td>
              <Link to="/jobs/$id" params={{ id: job.id }} className="name" data-row="">
                {VERBS[job.action]} {count(job.matched)}
              </Link>
            </td>
            <td>{{ running: "running", waiting: "waits for you", stopped: "stopped", completed: "done" }[job.status]}</td>
            <td className="right" data-label="done">{count(job.done)}</td>
            <td className={`right ${job.failed > 0 ? "wanted" : "zero"}`} data-label="failed">{count(job.failed)}</td>
            <td className="right" data-label="skipped">{count(job.skipped)}</td>
            <td className="quiet-text">{job.by !== undefined && <bdi>{visible(job.by)}</bdi>}</td>
            <td className="right quiet-text">
              <Ago at={job.createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
