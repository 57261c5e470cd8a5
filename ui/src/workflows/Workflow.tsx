// What does it do, and where does it lose time or fail? One workflow: its graph with numbers, its steps, triggers, versions.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useMemo } from "react";
import { get, Problem } from "../api/client";
import { definitionQuery, systemQuery } from "../api/queries";
import type { StepStatistics, WorkflowDefinition, WorkflowVersion } from "../api/types";
import { count, counted, percent, visible } from "../format/text";
import { Heading } from "../frame/Frame";
import { useKeys } from "../frame/keys";
import { Icon } from "../parts/icons";
import { Menu } from "../parts/menu";
import { Empty, Failed, Skeleton } from "../parts/panels";
import { Ago } from "../parts/time";
import { WindowMenu } from "../parts/window";
import { said, WINDOWS, type WorkflowSearch } from "../router/search";
import { Changes } from "./Changes";
import { diff } from "./diff";
import { Percentile } from "./Workflows";
import "../parts/sheet.css";

const DefinitionGraph = lazy(async () => ({ default: (await import("./Graph")).DefinitionGraph }));
const JsonTree = lazy(async () => ({ default: (await import("../json/tree")).JsonTree }));

type Change = { [K in keyof WorkflowSearch]?: WorkflowSearch[K] | undefined };

export function Workflow() {
  const { id } = useParams({ from: "/workflows/$id" });
  const search = useSearch({ from: "/workflows/$id" });
  const found = useQuery(definitionQuery(id, search.version));
  const name = found.data?.name ?? id;
  const missing = found.error instanceof Problem && found.error.status === 404;
  return (
    <>
      <Heading
        back={
          <Link to="/workflows" className="back">
            ‹ Workflows
          </Link>
        }
        title={<bdi>{visible(name)}</bdi>}
        tab={visible(name)}
      />
      <div className="sheet">
        {found.isPending ? (
          <Skeleton rows={8} />
        ) : found.data ? (
          <Definition definition={found.data} search={search} />
        ) : missing ? (
          <Empty icon="workflows" title={search.version === undefined ? "There is no workflow with this id. It may have been deleted." : `There is no version ${search.version} of this workflow.`}>
            <Link to="/workflows">All workflows</Link>
          </Empty>
        ) : (
          <Failed error={found.error} onRetry={() => void found.refetch()} />
        )}
      </div>
    </>
  );
}

function Definition({ definition, search }: { definition: WorkflowDefinition; search: WorkflowSearch }) {
  const navigate = useNavigate();
  const { id } = definition;
  const window = search.window ?? "24h";
  const system = useQuery(systemQuery);
  const newest = useQuery(definitionQuery(id));
  const stats = useQuery({
    queryKey: ["workflow", id, "stats", search.version, window],
    queryFn: ({ signal }) => get("/workflows/{id}/stats", { path: { id }, query: { version: search.version, window }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });
  const versions = useQuery({
    queryKey: ["workflow", id, "versions"],
    queryFn: ({ signal }) => get("/workflows/{id}/versions", { path: { id }, signal }),
  });
  const other = useQuery({ ...definitionQuery(id, search.compare ?? 0), enabled: search.compare !== undefined });
  const changes = useMemo(() => (search.compare === undefined || !other.data ? null : diff(other.data, definition)), [search.compare, other.data, definition]);
  const bySteps = useMemo(() => new Map((stats.data?.steps ?? []).map((one) => [one.stepId, one])), [stats.data]);
  const byChange = useMemo(() => new Map((changes?.steps ?? []).map((one) => [one.id, one])), [changes]);
  const go = (change: Change): void => void navigate({ to: "/workflows/$id", params: { id }, search: said({ ...search, ...change }) as WorkflowSearch, replace: true });
  const previous = definition.version > 1 ? definition.version - 1 : undefined;
  const writes = system.data?.access !== "read";
  useKeys("Workflow", [
    ...(writes ? [{ keys: "n", label: "Start one", run: () => void navigate({ to: "/workflows/$id/start", params: { id } }) }] : []),
    ...(previous === undefined ? [] : [{ keys: "d", label: "Compare with the version before", run: () => go({ compare: search.compare === undefined ? previous : undefined }) }]),
  ]);
  const all = versions.data?.versions ?? [];
  return (
    <>
      <header className="wf-head">
        <div>
          <p className="meta">
            <code>
              <bdi>{visible(id)}</bdi>
            </code>{" "}
            · {counted(definition.steps.length, "step")} · registered <Ago at={definition.createdAt} />
            {newest.data && newest.data.version !== definition.version && ` · v${newest.data.version} is current`}
          </p>
          {definition.description !== undefined && <p className="quiet-text">{visible(definition.description)}</p>}
        </div>
        <div className="sheet-tools">
          <VersionMenu label={`v${definition.version}`} all={all} current={definition.version} onChoose={(version) => go({ version: version === newest.data?.version ? undefined : version })} />
          {(all.length > 1 || search.compare !== undefined) && (
            <VersionMenu
              label={search.compare === undefined ? "Compare with…" : `Compared with v${search.compare}`}
              all={all.filter((one) => one.version !== definition.version)}
              current={search.compare}
              none="Compare with none"
              onChoose={(compare) => go({ compare })}
            />
          )}
          <WindowMenu value={window} among={WINDOWS} onChange={(value) => go({ window: value === "24h" ? undefined : value })} />
          {writes && (
            <Link to="/workflows/$id/start" params={{ id }} className="button small primary">
              Start…
            </Link>
          )}
        </div>
      </header>
      {changes && search.compare !== undefined && <Changes diff={changes} before={search.compare} after={definition.version} running={all.find((one) => one.version === search.compare)?.active} id={id} />}
      <Suspense fallback={<Skeleton rows={4} height={56} />}>
        <DefinitionGraph
          definition={definition}
          stats={bySteps}
          changes={byChange}
          removed={(changes?.steps ?? []).filter((one) => one.kind === "removed").map((one) => one.id)}
          chosen={search.step}
          onChoose={(step) => go({ step: search.step === step ? undefined : step })}
        />
      </Suspense>
      <section>
        <Tabs id={id} search={search} definition={definition} versions={all.length} />
        {search.tab === "triggers" ? (
          <Triggers definition={definition} />
        ) : search.tab === "versions" ? (
          <Versions id={id} versions={all} pending={versions.isPending} error={versions.error} onRetry={() => void versions.refetch()} />
        ) : (
          <>
            {stats.isError && !stats.data && <Failed error={stats.error} what="No numbers:" onRetry={() => void stats.refetch()} />}
            <Steps definition={definition} stats={bySteps} chosen={search.step} onChoose={(step) => go({ step: search.step === step ? undefined : step })} />
          </>
        )}
      </section>
    </>
  );
}

interface VersionMenuProps {
  label: string;
  all: readonly WorkflowVersion[];
  current: number | undefined;
  none?: string;
  onChoose(version: number | undefined): void;
}

function VersionMenu({ label, all, current, none, onChoose }: VersionMenuProps) {
  return (
    <Menu
      label={label}
      className="button small"
      align="end"
      button={
        <>
          {label} <Icon name="down" size={12} />
        </>
      }
      items={[
        ...(none === undefined ? [] : [{ key: "none", label: none, checked: current === undefined, run: () => onChoose(undefined) }]),
        ...all.map((one) => ({
          key: `v${one.version}`,
          label: `v${one.version}`,
          checked: one.version === current,
          hint: one.active > 0 ? `${count(one.active)} not ended` : undefined,
          run: () => onChoose(one.version),
        })),
      ]}
    />
  );
}

function Tabs({ id, search, definition, versions }: { id: string; search: WorkflowSearch; definition: WorkflowDefinition; versions: number }) {
  const tabs = [
    { key: undefined, label: "Steps", many: definition.steps.length },
    { key: "triggers", label: "Triggers", many: definition.triggers?.length ?? 0 },
    { key: "versions", label: "Versions", many: versions },
  ] as const;
  return (
    <nav className="tabs" aria-label="Of this workflow">
      {tabs.map((tab) => (
        <Link
          key={tab.label}
          to="/workflows/$id"
          params={{ id }}
          search={said({ ...search, tab: tab.key === undefined || tab.key === search.tab ? tab.key : tab.key }) as WorkflowSearch}
          replace
          aria-current={(search.tab === "steps" ? undefined : search.tab) === tab.key ? "page" : undefined}
          activeOptions={{ exact: true }} activeProps={{}}
        >
          {tab.label} <span className="meta num">{tab.many > 0 && count(tab.many)}</span>
        </Link>
      ))}
    </nav>
  );
}

function Steps({ definition, stats, chosen, onChoose }: { definition: WorkflowDefinition; stats: ReadonlyMap<string, StepStatistics>; chosen: string | undefined; onChoose(step: string): void }) {
  return (
    <table className="grid stacks" aria-label="Steps">
      <thead>
        <tr>
          <th scope="col">Step</th>
          <th scope="col">Action</th>
          <th scope="col" className="right">Attempts</th>
          <th scope="col" className="right">Failed</th>
          <th scope="col" className="right">Retried</th>
          <th scope="col" className="right">Skipped</th>
          <th scope="col" className="right">p50</th>
          <th scope="col" className="right">p95</th>
          <th scope="col" className="right" title="How long attempts wait for a free worker">Queue p95</th>
        </tr>
      </thead>
      <tbody>
        {definition.steps.map((step) => {
          const one = stats.get(step.id);
          return (
            <StepRow key={step.id} chosen={step.id === chosen} definition={step}>
              <td className="name">
                <button type="button" className="linklike name" aria-expanded={step.id === chosen} onClick={() => onChoose(step.id)}>
                  <bdi>{visible(step.name ?? step.id)}</bdi>
                </button>
              </td>
              <td className="quiet-text"><code><bdi>{visible(step.action)}</bdi></code></td>
              <Amount value={one?.runs} label="attempts" />
              <Amount value={one?.failed} label="failed" bad of={one ? one.completed + one.failed : 0} />
              <Amount value={one?.retried} label="retried" />
              <Amount value={one?.skipped} label="skipped" />
              <td className="right" data-label="p50"><Percentile ms={one?.p50Ms} samples={one?.samples ?? 0} /></td>
              <td className="right" data-label="p95"><Percentile ms={one?.p95Ms} samples={one?.samples ?? 0} /></td>
              <td className="right" data-label="queue p95"><Percentile ms={one?.queueP95Ms} samples={one?.samples ?? 0} /></td>
            </StepRow>
          );
        })}
      </tbody>
    </table>
  );
}

function StepRow({ chosen, definition, children }: { chosen: boolean; definition: object; children: ReactNode }) {
  return (
    <>
      <tr data-wanted={chosen}>{children}</tr>
      {chosen && (
        <tr>
          <td colSpan={9} className="wide">
            <Suspense fallback={<Skeleton rows={2} />}>
              <JsonTree value={definition} label="the step's definition" depth={3} />
            </Suspense>
          </td>
        </tr>
      )}
    </>
  );
}

function Amount({ value, label, bad = false, of = 0 }: { value: number | undefined; label: string; bad?: boolean; of?: number }) {
  return (
    <td className={`right ${!value ? "zero" : bad ? "wanted" : ""}`} data-label={label}>
      {value === undefined ? "–" : count(value)}
      {bad && value !== undefined && value > 0 && of > 0 && <span className="meta"> {percent(value / of)}</span>}
    </td>
  );
}

function Triggers({ definition }: { definition: WorkflowDefinition }) {
  const triggers = definition.triggers ?? [];
  if (triggers.length === 0) {
    return (
      <Empty icon="events" title="No event starts it.">
        <p>It is started by hand, by another program, or as the handler of errors.</p>
      </Empty>
    );
  }
  return (
    <table className="grid stacks" aria-label="Triggers">
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">Condition</th>
          <th scope="col"><span className="only-read-aloud">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        {triggers.map((trigger, at) => (
          <tr key={at}>
            <td><code><bdi>{visible(trigger.event)}</bdi></code></td>
            <td className="wide">{trigger.condition === undefined ? <span className="zero">always</span> : <code><bdi>{visible(trigger.condition)}</bdi></code>}</td>
            <td className="right">
              <Link to="/events" search={{ event: trigger.event.replaceAll("*", "…") }} className="button small">
                Try it…
              </Link>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Versions({ id, versions, pending, error, onRetry }: { id: string; versions: readonly WorkflowVersion[]; pending: boolean; error: unknown; onRetry(): void }) {
  if (pending) return <Skeleton rows={3} />;
  if (error) return <Failed error={error} onRetry={onRetry} />;
  return (
    <table className="grid stacks" aria-label="Versions">
      <thead>
        <tr>
          <th scope="col">Version</th>
          <th scope="col">Registered</th>
          <th scope="col" className="right">Steps</th>
          <th scope="col" className="right">Not ended</th>
          <th scope="col" className="right">Executions</th>
          <th scope="col"><span className="only-read-aloud">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        {versions.map((one, at) => (
          <tr key={one.version}>
            <td>
              <Link to="/workflows/$id" params={{ id }} search={at === 0 ? {} : { version: one.version }} className="name">
                v{one.version}
              </Link>
            </td>
            <td className="quiet-text"><Ago at={one.createdAt} /></td>
            <td className="right" data-label="steps">{count(one.steps)}</td>
            <td className="right" data-label="not ended">
              {one.active > 0 ? (
                <Link to="/executions" search={{ workflow: [id], version: one.version, status: ["running", "waiting", "paused", "pending"] }}>{count(one.active)}</Link>
              ) : (
                <span className="zero">0</span>
              )}
            </td>
            <td className="right" data-label="executions">
              <Link to="/executions" search={{ workflow: [id], version: one.version }}>{count(one.executions)}</Link>
            </td>
            <td className="right">
              {versions[at + 1] && (
                <Link to="/workflows/$id" params={{ id }} search={{ ...(at > 0 && { version: one.version }), compare: versions[at + 1]?.version ?? 1 }} className="button small">
                  What changed
                </Link>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
