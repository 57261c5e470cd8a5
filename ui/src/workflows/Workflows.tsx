// Which workflows there are, and how healthy each is.
import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { get } from "../api/client";
import { systemQuery } from "../api/queries";
import type { ListedWorkflow } from "../api/types";
import { duration } from "../format/duration";
import { count, percent, visible } from "../format/text";
import { Heading } from "../frame/Frame";
import { Command } from "../parts/copy";
import { Empty, Failed, Skeleton } from "../parts/panels";
import { useRowKeys } from "../parts/rows";
import { Sparkline } from "../parts/sparkline";
import { Mark, type MarkKind } from "../parts/status";
import { WINDOW_WORDS, WindowMenu } from "../parts/window";
import { said, WINDOWS, type WorkflowsSearch } from "../router/search";
import "../parts/sheet.css";

/** A percentile of fewer says more about chance than about the workflow. */
export const SAMPLES_MIN = 20;

function statsQuery(window: (typeof WINDOWS)[number]) {
  return queryOptions({
    queryKey: ["workflows", "stats", window],
    queryFn: ({ signal }) => get("/workflows", { query: { include: "stats", window }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });
}

export function Workflows() {
  const search = useSearch({ from: "/workflows" });
  const navigate = useNavigate();
  const window = search.window ?? "24h";
  const found = useQuery(statsQuery(window));
  const go = (change: { q?: string | undefined; window?: WorkflowsSearch["window"] | undefined }): void =>
    void navigate({ to: "/workflows", search: said({ ...search, ...change }) as WorkflowsSearch, replace: true });
  const wanted = (search.q ?? "").toLowerCase();
  const rows = (found.data?.workflows ?? []).filter((one) => `${one.id} ${one.name ?? ""}`.toLowerCase().includes(wanted));
  return (
    <>
      <Heading title="Workflows" tab="Workflows" />
      <div className="sheet">
        <div className="sheet-tools">
          <input className="field" type="search" aria-label="Filter workflows" placeholder="Filter…" value={search.q ?? ""} onChange={(event) => go({ q: event.target.value || undefined })} />
          <WindowMenu value={window} among={WINDOWS} onChange={(value) => go({ window: value === "24h" ? undefined : value })} />
        </div>
        {found.isPending ? (
          <Skeleton rows={6} />
        ) : found.isError && !found.data ? (
          <Failed error={found.error} onRetry={() => void found.refetch()} />
        ) : rows.length > 0 ? (
          <Rows rows={rows} window={window} />
        ) : wanted ? (
          <Empty icon="filter" title={`No workflow has “${visible(search.q ?? "")}” in its name.`} />
        ) : (
          <Empty icon="workflows" title="No workflow is registered.">
            <Command line="workflow register order.json" />
          </Empty>
        )}
      </div>
    </>
  );
}

function Rows({ rows, window }: { rows: readonly ListedWorkflow[]; window: keyof typeof WINDOW_WORDS }) {
  const navigate = useNavigate();
  const system = useQuery(systemQuery);
  const writes = system.data?.access !== "read";
  const focused = (): string | undefined => document.activeElement?.closest("tr")?.dataset["id"];
  const table = useRowKeys("Workflows", [
    {
      keys: "n",
      label: "Start one",
      run: () => {
        const id = focused();
        if (id !== undefined) void navigate({ to: "/workflows/$id/start", params: { id } });
      },
    },
  ]);
  return (
    <table ref={table} className="grid stacks" aria-label="Workflows">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Version</th>
          <th scope="col">Now</th>
          <th scope="col" className="right">{WINDOW_WORDS[window]}</th>
          <th scope="col" className="right">Failed</th>
          <th scope="col">Started</th>
          <th scope="col" className="right">p50</th>
          <th scope="col" className="right">p95</th>
          <th scope="col"><span className="only-read-aloud">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <OneRow key={row.id} row={row} writes={writes} />
        ))}
      </tbody>
    </table>
  );
}

function OneRow({ row, writes }: { row: ListedWorkflow; writes: boolean }) {
  const { stats } = row;
  const bad = (stats?.failureRate ?? 0) > 0;
  return (
    <tr data-id={row.id}>
      <td className="wide">
        <Link to="/workflows/$id" params={{ id: row.id }} className="name" data-row="">
          <bdi>{visible(row.name ?? row.id)}</bdi>
        </Link>{" "}
        {row.name !== undefined && row.name !== row.id && <code className="meta"><bdi>{visible(row.id)}</bdi></code>}
      </td>
      <td>v{row.version}</td>
      <td>{stats && <Now row={row} />}</td>
      <td className={`right ${stats?.started ? "" : "zero"}`} data-label="started">{stats ? count(stats.started) : ""}</td>
      <td className={`right ${bad ? "wanted" : "zero"}`} data-label="failed">{stats?.failureRate === undefined ? "–" : percent(stats.failureRate)}</td>
      <td className="hide-small">
        {stats && <Sparkline values={stats.buckets.map((bucket) => bucket.started)} label={`${count(stats.started)} started`} />}
      </td>
      <td className="right" data-label="p50"><Percentile ms={stats?.p50Ms} samples={stats?.samples ?? 0} /></td>
      <td className="right" data-label="p95"><Percentile ms={stats?.p95Ms} samples={stats?.samples ?? 0} /></td>
      <td className="right">
        {writes && (
          <Link to="/workflows/$id/start" params={{ id: row.id }} className="button small">
            Start…
          </Link>
        )}
      </td>
    </tr>
  );
}

export function Percentile({ ms, samples }: { ms: number | undefined; samples: number }) {
  if (ms === undefined || samples < SAMPLES_MIN) {
    return (
      <span className="zero" title={`Percentiles appear after ${SAMPLES_MIN} (${samples} so far)`}>
        –
      </span>
    );
  }
  return <>{duration(ms)}</>;
}

/** Only what there is of: those that run, wait (and which of both are tried again), stand still. */
function Now({ row }: { row: ListedWorkflow }) {
  const by = row.stats?.byStatus;
  const marks: [MarkKind, number, object][] = [
    ["running", (by?.running ?? 0) + (by?.pending ?? 0), { status: ["running", "pending"] }],
    ["waiting", by?.waiting ?? 0, { status: ["waiting"] }],
    ["retrying", row.stats?.retrying ?? 0, { attention: "retrying" }],
    ["paused", by?.paused ?? 0, { status: ["paused"] }],
  ];
  const shown = marks.filter(([, many]) => many > 0);
  if (shown.length === 0) return <span className="zero">–</span>;
  return (
    <span className="wf-now">
      {shown.map(([kind, many, filter]) => (
        <Link key={kind} to="/executions" search={{ workflow: [row.id], ...filter }} className="wf-now-one" data-among={kind === "retrying" || undefined}>
          <Mark kind={kind} size={14} title={kind === "retrying" ? "of them tried again" : kind} /> {count(many)}
        </Link>
      ))}
    </span>
  );
}
