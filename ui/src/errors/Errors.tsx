// What breaks, since when, and is it still breaking? Failures by kind, with what differs from one to the other taken out.
import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { get } from "../api/client";
import { definitionsQuery, systemQuery } from "../api/queries";
import type { ErrorKind, ErrorList } from "../api/types";
import { count, counted, oneLine, visible } from "../format/text";
import { Heading } from "../frame/Frame";
import { Icon } from "../parts/icons";
import { Menu } from "../parts/menu";
import { Empty, Failed, Skeleton } from "../parts/panels";
import { useRowKeys } from "../parts/rows";
import { Sparkline } from "../parts/sparkline";
import { Ago } from "../parts/time";
import { WINDOW_LONG, WindowMenu } from "../parts/window";
import { type ErrorsSearch, said, WINDOWS } from "../router/search";
import { RetryOne } from "./RetryOne";
import { Template } from "./Template";
import "../parts/sheet.css";
import "./errors.css";

const AMONG = [...WINDOWS, "30d"] as const;

export function errorsQuery(search: ErrorsSearch) {
  const query = { window: search.window ?? "7d", workflowId: search.workflow, version: search.version };
  return queryOptions({
    queryKey: ["errors", query],
    queryFn: ({ signal }) => get("/errors", { query, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });
}

export function Errors() {
  const search = useSearch({ from: "/errors" });
  const found = useQuery(errorsQuery(search));
  const window = search.window ?? "7d";
  const page = found.data;
  return (
    <>
      <Heading title="Errors" tab="Errors" />
      <div className="sheet">
        <Tools search={search} page={page} />
        {found.isPending ? (
          <Skeleton rows={6} height={52} />
        ) : found.isError && !page ? (
          <Failed error={found.error} onRetry={() => void found.refetch()} />
        ) : page && page.errors.length > 0 ? (
          <Kinds kinds={page.errors} search={search} />
        ) : (
          <Empty icon="errors" title={`Nothing failed in the ${WINDOW_LONG[window]}.`} />
        )}
      </div>
    </>
  );
}

function Tools({ search, page }: { search: ErrorsSearch; page: ErrorList | undefined }) {
  const navigate = useNavigate();
  const workflows = useQuery(definitionsQuery);
  const go = (change: { workflow?: string | undefined; window?: ErrorsSearch["window"] | undefined; version?: undefined }): void =>
    void navigate({ to: "/errors", search: said({ ...search, ...change }) as ErrorsSearch });
  const names = (workflows.data?.workflows ?? []).map((one) => [one.id, one.name ?? one.id] as const);
  return (
    <div className="sheet-tools">
      <Menu
        label="Workflow"
        className="button small"
        button={
          <>
            {visible(search.workflow ?? "Every workflow")} <Icon name="down" size={12} />
          </>
        }
        items={[
          { key: "", label: "Every workflow", checked: search.workflow === undefined, run: () => go({ workflow: undefined, version: undefined }) },
          ...names.map(([id, name]) => ({ key: id, text: name, label: <bdi>{visible(name)}</bdi>, checked: search.workflow === id, run: () => go({ workflow: id, version: undefined }) })),
        ]}
      />
      <WindowMenu value={search.window ?? "7d"} among={AMONG} onChange={(value) => go({ window: value === "7d" ? undefined : value })} />
      {page && (
        <p className="push num quiet-text">
          <Link to="/executions" search={{ status: ["failed"] }}>{count(page.failedNow)} failed now</Link> ·{" "}
          <Link to="/executions" search={{ attention: "retrying" }}>{count(page.retryingNow)} retrying</Link> · {counted(page.errors.length, "kind")}
          {page.truncated && " or more"}
        </p>
      )}
    </div>
  );
}

function Kinds({ kinds, search }: { kinds: readonly ErrorKind[]; search: ErrorsSearch }) {
  const table = useRowKeys("Errors", [
    {
      keys: "r",
      label: "Retry one",
      run: () => document.activeElement?.closest("tr")?.querySelector<HTMLElement>("[data-retry-one]")?.click(),
    },
  ]);
  const system = useQuery(systemQuery);
  return (
    <table ref={table} className="grid stacks er-table" aria-label="Kinds of errors">
      <thead>
        <tr>
          <th scope="col">Error</th>
          <th scope="col">Over time</th>
          <th scope="col" className="right">Failed now</th>
          <th scope="col" className="right">Attempts</th>
          <th scope="col">First</th>
          <th scope="col">Last</th>
          <th scope="col">Versions</th>
          <th scope="col"><span className="only-read-aloud">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        {kinds.map((kind) => (
          <tr key={kind.fingerprint}>
            <td className="wide er-what">
              <Link to="/errors/$fingerprint" params={{ fingerprint: kind.fingerprint }} search={search} className="name er-template cut" data-row="" title={oneLine(kind.sample.message)}>
                <Template text={kind.template} />
              </Link>
              <span className="meta cut">
                <Where kind={kind} />
              </span>
            </td>
            <td className="hide-small">
              <Sparkline className={kind.failedNow + kind.retryingNow > 0 ? "bad" : ""} values={kind.buckets.map((bucket) => bucket.count)} label={`${count(kind.total)} failed attempts`} width={112} />
            </td>
            <td className={`right ${kind.failedNow > 0 ? "wanted" : "zero"}`} data-label="failed now">{count(kind.failedNow)}</td>
            <td className="right" data-label="attempts">{count(kind.total)}</td>
            <td className="nowrap quiet-text" data-label="first"><Ago at={kind.firstSeen} /></td>
            <td className="nowrap quiet-text" data-label="last"><Ago at={kind.lastSeen} /></td>
            <td className="nowrap quiet-text hide-small">{versions(kind)}</td>
            <td className="right">{kind.failedNow > 0 && system.data?.access !== "read" && <RetryOne kind={kind} search={search} small />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Where({ kind }: { kind: ErrorKind }) {
  const [first] = kind.steps;
  return (
    <>
      {first?.stepId !== undefined && <code><bdi>{visible(first.stepId)}</bdi></code>}
      {kind.steps.length > 1 && ` and ${counted(kind.steps.length - 1, "more step")}`}
      {" · "}
      <bdi>{kind.workflows.length > 1 ? counted(kind.workflows.length, "workflow") : visible(kind.workflows[0] ?? "")}</bdi>
      {kind.retryingNow > 0 && ` · ${count(kind.retryingNow)} retrying`}
    </>
  );
}

/** `v7 only`, `v5–v7`; of several workflows nothing, since their numbers say nothing together. */
export function versions(kind: ErrorKind): string {
  if (kind.workflows.length !== 1) return "";
  const all = kind.versions.map((one) => one.version).sort((a, b) => a - b);
  const [first] = all;
  const last = all.at(-1);
  if (first === undefined) return "";
  return first === last ? `v${first} only` : `v${first}–v${last}`;
}
