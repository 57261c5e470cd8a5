// Below the answer: the graph or the timeline, the slider, the tabs, and the inspector beside them. On a phone one below the
// other, with the steps as a list.

import { lazy, type ReactNode, Suspense, useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { useWatched } from "../api/store";
import { livePaused } from "../api/stream";
import { count } from "../format/text";
import { duration } from "../format/duration";
import { kept } from "../frame/kept";
import { useKeys } from "../frame/keys";
import { foldGraph, foldsByDefault, type FoldedGraph, type GraphNode } from "../graph/folding";
import type { Layout } from "../graph/layout";
import { layoutOf, startLayouts } from "../graph/layouts";
import { neighbour, type Direction } from "../graph/neighbours";
import { Rail } from "../graph/rail";
import { at } from "../graph/steps";
import { Empty, Skeleton } from "../parts/panels";
import type { RunSearch } from "../router/search";
import { criticalPath, NO_PATH } from "../timeline/critical";
import { now } from "../api/clock";
import { DefinitionTab } from "./definition";
import { HistoryList } from "./historyList";
import { useOf, useOpen } from "./hooks";
import { Inspector } from "./inspector";
import type { Loading } from "./loading";
import { calmOf } from "./looks";
import type { LookAt, SetSearch } from "./Run";
import { Slider } from "./slider";
import { StateTab } from "./state";

// Asked for with this screen, not once its data is there: on a phone there is no graph.
const graphView = matchMedia("(max-width: 719px)").matches ? undefined : import("../graph/view");
if (graphView !== undefined) startLayouts();
const GraphView = lazy(() => (graphView ?? import("../graph/view")).then(({ GraphView }) => ({ default: GraphView })));
const Timeline = lazy(() => import("../timeline/view").then(({ Timeline }) => ({ default: Timeline })));

interface BodyProps {
  id: string;
  search: RunSearch;
  setSearch: SetSearch;
  lookAt: LookAt;
  phone: boolean;
  loading: Loading;
}

export function Body(props: BodyProps) {
  const { search, setSearch, phone } = props;
  const open = useOpen();
  const { graph } = open;
  const folds = useFolds(search, setSearch);
  const { folded } = folds;
  const view = search.view ?? "graph";
  const drawn = !phone && view === "graph";
  // Laid out beside, while the rest is drawn for the first time.
  useMemo(() => drawn && void layoutOf(graph, folded).catch(() => undefined), [drawn, graph, folded]);
  const path = useCriticalPath();
  const laidOut = useRef<Layout>(undefined);
  const onLaidOut = useCallback((layout: Layout) => void (laidOut.current = layout), []);
  const chosen = search.step === undefined ? undefined : graph.byId.get(search.step);
  const select = useCallback(
    (step: string | undefined) => {
      setSearch({ step, attempt: undefined, ...(phone && { tab: "step" as const }) });
      // On a phone what was chosen is below everything: it comes into sight.
      if (phone && step !== undefined) requestAnimationFrame(() => document.querySelector(".lower")?.scrollIntoView({ block: "start" }));
    },
    [setSearch, phone],
  );
  const onChoose = useCallback((node: GraphNode) => (node.kind === "step" ? select(at(graph.steps, at(node.steps, 0)).id) : folds.unfold(node.id)), [select, folds, graph]);
  const onBar = useCallback((step: number, attempt: number | undefined) => setSearch({ step: at(graph.steps, step).id, attempt }), [setSearch, graph]);
  const go = (direction: Direction) => select(nextStep(direction, chosen, folded, laidOut.current, graph.order, view === "timeline" || phone, (index) => at(graph.steps, index).id) ?? search.step);
  useKeys("Steps", [
    { keys: "v", label: "Graph or timeline", run: () => setSearch({ view: view === "graph" ? "timeline" : undefined }, { push: true }) },
    { keys: "s", label: "State", run: () => setSearch({ tab: "state" }) },
    { keys: "h", label: "History", run: () => setSearch({ tab: undefined }) },
    { keys: "z", label: "Show the whole graph", run: () => document.querySelector<HTMLElement>("[data-fit]")?.click() },
    { keys: "f", label: "Fold or unfold", run: folds.turn },
    { keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], label: "Along the edges", run: (event) => go(event.key.slice(5).toLowerCase() as Direction) },
    { keys: "Enter", label: "Inspect the step", run: () => document.getElementById("inspector")?.focus() },
    { keys: "Escape", run: () => select(undefined) },
  ]);
  const label = `Steps of ${graph.workflow}`;
  const inspector =
    chosen === undefined ? (
      <StepsPanel label={label} folded={folded} onChoose={onChoose} />
    ) : (
      <Inspector id={props.id} step={chosen} attempt={search.attempt} onAttempt={(attempt) => setSearch({ attempt })} onStep={select} onClose={phone ? undefined : () => select(undefined)} />
    );
  const views = (
    <>
      <ViewBar view={view} setSearch={setSearch} folds={folds} path={path.busyMs} loading={props.loading} phone={phone} />
      <div className="view" data-view={view}>
        <Suspense fallback={<Skeleton rows={5} height={48} />}>
          {view === "timeline" ? (
            <Timeline critical={path} zoom={zoomOf(search)} onZoom={(zoom) => setSearch({ t0: zoom?.from, t1: zoom?.to })} onChoose={onBar} />
          ) : phone ? (
            <Rail label={label} folded={folded} onChoose={onChoose} />
          ) : (
            <GraphView folded={folded} critical={path.steps} selected={search.step} label={label} onChoose={onChoose} onLaidOut={onLaidOut} tools={null} />
          )}
        </Suspense>
      </div>
    </>
  );
  const slider = <Slider onLookAt={props.lookAt} />;
  if (phone) {
    return (
      <div className="run-phone">
        {views}
        {slider}
        <Lower {...props} step={inspector} />
      </div>
    );
  }
  return (
    <div className="run-body">
      <Split top={<section className="run-views">{views}</section>} bar={slider} bottom={<Lower {...props} step={undefined} />} />
      <aside id="inspector" className="run-inspector scrolls" tabIndex={-1} aria-label="The chosen step">
        {inspector}
      </aside>
    </div>
  );
}

const zoomOf = ({ t0, t1 }: RunSearch) => (t0 !== undefined && t1 !== undefined && t1 > t0 ? { from: t0, to: t1 } : undefined);

/** The steps as a list stand where nothing is chosen: the equal of the graph for whoever does not see it. */
function StepsPanel({ label, folded, onChoose }: { label: string; folded: FoldedGraph; onChoose(node: GraphNode): void }) {
  // Of hundreds the first screenful comes with the graph, the others when there is time.
  const first = useMemo(() => ({ ...folded, nodes: folded.nodes.slice(0, FIRST_ROWS) }), [folded]);
  const shown = useDeferredValue(folded, first);
  return (
    <div className="steps-panel">
      <header className="inspector-head">
        <h2>Steps</h2>
        <span className="meta">Choose one to look into it</span>
      </header>
      <Rail label={label} folded={shown} onChoose={onChoose} />
    </div>
  );
}

const FIRST_ROWS = 24;

interface Folds {
  readonly folded: FoldedGraph;
  readonly on: boolean;
  turn(): void;
  unfold(group: string): void;
}

/**
 * What is folded: as the steps were when it was last asked, so that no event moves a node. It is asked again when a person folds,
 * unfolds or chooses a hidden step, and once the history is there.
 */
function useFolds(search: RunSearch, setSearch: SetSearch): Folds {
  const open = useOpen();
  const { graph } = open;
  const name = `fold.${graph.workflow}`;
  const [on, setOn] = useState(() => (kept.get(name) ?? (foldsByDefault(graph) ? "on" : "off")) === "on");
  const begun = useOf(open, (shown) => shown.execution.seq > 0);
  const groups = useMemo(() => new Set(search.open?.split(",") ?? []), [search.open]);
  const selected = search.step === undefined ? undefined : graph.byId.get(search.step);
  const [folded, setFolded] = useState<{ key: string; graph: FoldedGraph }>();
  const shows = (of: FoldedGraph) => selected === undefined || at(of.nodes, at(of.nodeOf, selected)).kind === "step";
  const key = `${on} ${search.open ?? ""} ${begun}`;
  let current = folded;
  if (current === undefined || current.key !== key || !shows(current.graph)) {
    const calm = graph.steps.map((_, index) => calmOf(open.look(index).kind));
    const pinned = new Set(selected === undefined ? [] : [selected]);
    current = { key, graph: foldGraph(graph, { calm, pinned, open: groups, on }) };
  }
  useEffect(() => setFolded(current), [current]);
  return {
    folded: current.graph,
    on,
    turn: () => {
      kept.set(name, on ? "off" : "on");
      setOn(!on);
      setSearch({ open: undefined });
    },
    unfold: (group) => setSearch({ open: [...groups, group].join(",") }),
  };
}

/** Not before the whole history is there. */
function useCriticalPath() {
  const open = useOpen();
  const lastSeq = useOf(open, (shown) => shown.lastSeq);
  const computed = useMemo(() => (lastSeq > 0 ? criticalPath(open.graph, open.course, now()) : NO_PATH), [open, lastSeq]);
  // The same path is the same list: nodes and edges are made of it.
  const before = useRef(computed);
  if (before.current.steps.join() !== computed.steps.join()) before.current = computed;
  return useMemo(() => ({ ...computed, steps: before.current.steps }), [computed]);
}

function nextStep(direction: Direction, chosen: number | undefined, folded: FoldedGraph, layout: Layout | undefined, order: readonly number[], asList: boolean, id: (index: number) => string): string | undefined {
  if (chosen === undefined) return order[0] === undefined ? undefined : id(order[0]);
  if (asList || layout === undefined) {
    const next = order[order.indexOf(chosen) + (direction === "down" || direction === "right" ? 1 : -1)];
    return next === undefined ? undefined : id(next);
  }
  const from = at(folded.nodes, at(folded.nodeOf, chosen)).id;
  const to = neighbour(from, direction, layout.nodes, folded.edges);
  const node = folded.nodes.find((node) => node.id === to?.id && node.kind !== "handler");
  return node === undefined ? undefined : id(at(node.steps, 0));
}

interface ViewBarProps {
  view: "graph" | "timeline";
  setSearch: SetSearch;
  folds: Folds;
  path: number;
  loading: Loading;
  phone: boolean;
}

function ViewBar({ view, setSearch, folds, path, loading, phone }: ViewBarProps) {
  const open = useOpen();
  const done = useOf(open, ({ looks }) => looks.reduce((done, look) => done + (look.kind === "completed" ? 1 : 0), 0));
  const paused = useWatched(livePaused);
  const choose = (to: "graph" | "timeline") => setSearch({ view: to === "graph" ? undefined : to }, { push: true });
  return (
    <div className="view-bar">
      <div className="segments" role="group" aria-label="View">
        <button type="button" aria-pressed={view === "graph"} onClick={() => choose("graph")} title="Graph or timeline (v)">
          {phone ? "Steps" : "Graph"}
        </button>
        <button type="button" aria-pressed={view === "timeline"} onClick={() => choose("timeline")} title="Graph or timeline (v)">
          Timeline
        </button>
      </div>
      <span className="meta view-facts num">
        {count(done)} of {count(open.graph.steps.length)} steps
        {view === "graph" && path > 0 && ` · critical path ${duration(path)}`}
        {loading.state === "reading" && loading.total !== undefined && ` · reading the history: ${count(loading.read)} of ${count(loading.total)}`}
        {paused && " · live changes are paused by you"}
      </span>
      {view === "graph" && open.graph.steps.length > 3 && (
        <label className="view-fold">
          <input type="checkbox" checked={folds.on} onChange={folds.turn} /> Fold
        </label>
      )}
    </div>
  );
}

type TabName = "step" | "state" | "history" | "definition";

/** The tabs below. On a phone the step is one of them. */
function Lower({ id, search, setSearch, lookAt, phone, step }: BodyProps & { step: ReactNode }) {
  const open = useOpen();
  const lastSeq = useOf(open, (shown) => shown.lastSeq);
  const names: TabName[] = phone ? ["step", "state", "history", "definition"] : ["history", "state", "definition"];
  const first = names[0] as TabName;
  const tab = names.find((name) => name === search.tab) ?? (phone && search.step === undefined ? "history" : first);
  const types = useMemo(() => (search.types === undefined ? [] : search.types.split(",")), [search.types]);
  const labels: Record<TabName, ReactNode> = {
    step: "Step",
    state: "State",
    history: (
      <>
        History <span className="num tab-count">{count(lastSeq)}</span>
      </>
    ),
    definition: "Definition",
  };
  return (
    <section className="lower">
      <div className="tabs" role="tablist" aria-label="Below the graph">
        {names.map((name) => (
          <button key={name} type="button" role="tab" id={`tab-${name}`} aria-selected={tab === name} aria-controls="tab-panel" onClick={() => setSearch({ tab: name === first && !phone ? undefined : name })}>
            {labels[name]}
          </button>
        ))}
      </div>
      <div id="tab-panel" className="tab-panel scrolls" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === "step" && (step ?? <Empty title="No step is chosen." />)}
        {tab === "state" && <StateTab id={id} />}
        {tab === "history" && <HistoryList id={id} types={types} text={search.hq ?? ""} step={search.step} onFilter={setSearch} onLookAt={lookAt} />}
        {tab === "definition" && <DefinitionTab />}
      </div>
    </section>
  );
}

const SPLIT = { least: 20, most: 80, usual: 58 };

/** Two panes with a bar between them that can be dragged, or moved by arrow keys; where it stands is remembered. */
function Split({ top, bar, bottom }: { top: ReactNode; bar: ReactNode; bottom: ReactNode }) {
  const frame = useRef<HTMLDivElement>(null);
  const [share, setShare] = useState(() => Number(kept.get("run.split") ?? SPLIT.usual));
  const move = (to: number) => {
    const next = Math.max(SPLIT.least, Math.min(SPLIT.most, Math.round(to)));
    setShare(next);
    kept.set("run.split", String(next));
  };
  return (
    <div ref={frame} className="run-left" style={{ "--share": `${share}%` } as React.CSSProperties}>
      {top}
      <div
        className="split"
        role="separator"
        aria-orientation="horizontal"
        aria-label="Height of the graph"
        aria-valuenow={share}
        aria-valuemin={SPLIT.least}
        aria-valuemax={SPLIT.most}
        tabIndex={0}
        onKeyDown={(event) => {
          if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
          event.preventDefault();
          move(share + (event.key === "ArrowDown" ? 4 : -4));
        }}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => {
          const box = frame.current?.getBoundingClientRect();
          if (box !== undefined && event.currentTarget.hasPointerCapture(event.pointerId)) move(((event.clientY - box.top) / box.height) * 100);
        }}
      />
      {bar}
      {bottom}
    </div>
  );
}
