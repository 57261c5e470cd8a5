// One execution: the answer on top, the graph or the timeline, a slider through its history, and whatever is chosen beside it.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Problem } from "../api/client";
import { definitionQuery, executionQuery, systemQuery } from "../api/queries";
import type { Execution as Answered, WorkflowDefinition } from "../api/types";
import { useMedia } from "../executions/media";
import { visible } from "../format/text";
import { Heading } from "../frame/Frame";
import { stepGraph } from "../graph/steps";
import { Empty, Failed, Skeleton } from "../parts/panels";
import { WORDS } from "../parts/status";
import { type RunSearch, said } from "../router/search";
import { Actions } from "./actions";
import { Banner, markOfFacts } from "./banner";
import { facts } from "./facts";
import { executionOfHead } from "./head";
import { hasEnded } from "./history";
import { OpenExecution, useOf, useOpen, useShown } from "./hooks";
import { Identity, Name } from "./identity";
import { LiveExecution } from "./live";
import { type Loading, useHistory } from "./loading";
import { Past } from "./past";
import { Body } from "./body";
import "./run.css";

export type SetSearch = (patch: { [K in keyof RunSearch]?: RunSearch[K] | undefined }, how?: { push?: boolean }) => void;

export function Run() {
  const { id } = useParams({ from: "/executions/$id" });
  return <OneExecution key={id} id={id} />;
}

function OneExecution({ id }: { id: string }) {
  const client = useQueryClient();
  const head = useQuery(executionQuery(id));
  const { workflowId, workflowVersion } = head.data ?? {};
  const definition = useQuery({ ...definitionQuery(workflowId ?? "", workflowVersion), enabled: workflowId !== undefined });
  const open = useOpened(head.data, definition.data);
  const [again, setAgain] = useState(0);
  const onEnd = useCallback(() => void client.invalidateQueries({ queryKey: ["execution", id], exact: true }), [client, id]);
  const loading = useHistory(id, open, again, onEnd);
  const onDone = useCallback(() => {
    setAgain((times) => times + 1);
    onEnd();
  }, [onEnd]);
  if (head.error && head.data === undefined) return <NotThere id={id} error={head.error} onRetry={() => void head.refetch()} />;
  if (definition.error) return <Failed error={definition.error} onRetry={() => void definition.refetch()} what="Its definition could not be read." />;
  if (head.data === undefined || open === undefined) {
    return (
      <div className="run">
        <Heading title={<Link to="/executions">‹ Executions</Link>} tab="Execution" />
        <Skeleton rows={8} height={48} />
      </div>
    );
  }
  return (
    <OpenExecution value={open}>
      <Screen id={id} head={head.data} loading={loading} onDone={onDone} />
    </OpenExecution>
  );
}

/** Told what the head says before anything is drawn: the answer is never empty first, and what is folded is known at once. */
function useOpened(head: Answered | undefined, definition: WorkflowDefinition | undefined): LiveExecution | undefined {
  const told = useRef<Answered>(undefined);
  const tell = (open: LiveExecution, head: Answered) => {
    told.current = head;
    open.begin(executionOfHead(open.graph, head));
    open.know(head.reasons);
  };
  const there = head !== undefined;
  const open = useMemo(() => {
    if (definition === undefined || head === undefined) return undefined;
    const made = new LiveExecution(stepGraph(definition));
    tell(made, head);
    return made;
    // One for each definition: later heads are told to it.
  }, [definition, there]);
  useLayoutEffect(() => {
    if (open !== undefined && head !== undefined && told.current !== head) tell(open, head);
  }, [open, head]);
  return open;
}

function NotThere({ id, error, onRetry }: { id: string; error: unknown; onRetry(): void }) {
  const gone = error instanceof Problem && (error.code === "execution_not_found" || error.code === "invalid_parameter");
  const corrupt = error instanceof Problem && error.code === "corrupt";
  return (
    <div className="run">
      <Heading title={<Link to="/executions">‹ Executions</Link>} tab="Execution" />
      {gone ? (
        <Empty icon="executions" title="There is no execution with this id. It may have been deleted, or belong to another server.">
          <code>
            <bdi>{visible(id)}</bdi>
          </code>
        </Empty>
      ) : corrupt ? (
        <Empty icon="errors" title="This execution's stored data could not be read and it was parked. Nothing else is affected.">
          <p className="meta">{visible((error as Problem).detail)}</p>
        </Empty>
      ) : (
        <Failed error={error} onRetry={onRetry} what="The execution could not be read." />
      )}
    </div>
  );
}

interface ScreenProps {
  id: string;
  head: Answered;
  loading: Loading;
  onDone(): void;
}

function Screen({ id, head, loading, onDone }: ScreenProps) {
  const open = useOpen();
  const search = useSearch({ from: "/executions/$id" });
  const setSearch = useSetSearch(id);
  const phone = useMedia("(max-width: 719px)");
  const past = useOf(open, (shown) => shown.seq !== undefined);
  const lookAt = useMoment(open, search.seq, setSearch);
  useEffect(() => open.select(search.step), [open, search.step]);
  return (
    <div className="run" data-past={past || undefined} data-phone={phone || undefined}>
      <Identity head={head} />
      <TheAnswer id={id} head={head} loading={loading} choose={!phone && search.step === undefined} setSearch={setSearch} lookAt={lookAt} onDone={onDone} />
      {loading.state === "failed" && <Failed error={loading.error} onRetry={onDone} what="The history could not be read." />}
      <Body id={id} search={search} setSearch={setSearch} lookAt={lookAt} phone={phone} loading={loading} />
    </div>
  );
}

interface TheAnswerProps extends ScreenProps {
  /** Nothing is chosen yet: what matters may be. */
  choose: boolean;
  setSearch: SetSearch;
  lookAt: LookAt;
}

/** What follows every event and every move of the slider: the sentence, its actions, the title. */
function TheAnswer({ id, head, loading, choose, setSearch, lookAt, onDone }: TheAnswerProps) {
  const open = useOpen();
  const shown = useShown(open);
  const system = useQuery(systemQuery);
  const { lastSeq, known, whole } = shown;
  const begun = whole ? undefined : shown.execution;
  const present = useMemo(() => facts(open.graph, begun ?? open.moments.live, known), [open, lastSeq, known, begun]);
  const then = useMemo(() => (shown.seq === undefined ? present : facts(open.graph, shown.execution)), [open, shown, present]);
  useKnown(id, present.reasons.some((reason) => ASKED.has(reason.kind)), lastSeq);

  // What matters is chosen for the person who has chosen nothing: the failed step, else the first that is under way.
  const chosen = useRef(!choose);
  const matters = present.failure?.stepId ?? present.reasons.find((reason) => reason.stepId !== undefined)?.stepId;
  useEffect(() => {
    if (chosen.current || loading.state !== "whole") return;
    chosen.current = true;
    if (matters !== undefined) setSearch({ step: matters });
  }, [loading.state, matters, setSearch]);

  const onStep = useCallback((step: string) => setSearch({ step, attempt: undefined }), [setSearch]);
  const past = shown.seq !== undefined;
  const mark = markOfFacts(present);
  const word = WORDS[mark];
  const name = <Name head={head} status={mark} tab={`${matters === undefined ? "" : `${visible(matters)} `}${word.toLowerCase()} · ${visible(head.workflowId)}`} />;
  const retrying = present.reasons.find((reason) => reason.kind === "retry")?.stepId;
  return (
    <>
      {name}
      <Banner
        facts={then}
        asOf={past ? shown.execution.updatedAt : undefined}
        onStep={onStep}
        past={past ? <Past behind={lastSeq - (shown.seq ?? 0)} at={shown.execution.updatedAt} onLive={() => lookAt(undefined)} /> : null}
        actions={<Actions id={id} status={present.status} retrying={retrying} past={past} readOnly={system.data?.access === "read"} onDone={onDone} />}
      />
      <Announced text={hasEnded(present.status) || present.status === "paused" ? word : ""} />
    </>
  );
}

/** Reasons that the engine knows more about. */
const ASKED: ReadonlySet<string> = new Set(["ready", "worker", "limit", "running"]);

export type LookAt = (seq: number | undefined) => void;

const SETTLED_MS = 250;

/** The moment that is looked at is in the address too, but only once the slider has come to rest. */
function useMoment(open: LiveExecution, seq: number | undefined, setSearch: SetSearch): LookAt {
  const written = useRef<number | undefined>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    if (seq !== written.current) open.lookAt(seq);
    written.current = seq;
  }, [open, seq]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(
    (to) => {
      open.lookAt(to);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => {
        written.current = to;
        setSearch({ seq: to });
      }, SETTLED_MS);
    },
    [open, setSearch],
  );
}

/** Changes parameters of the address. Choices replace it; only moving to another view is a step back. */
function useSetSearch(id: string): SetSearch {
  const navigate = useNavigate();
  return useCallback(
    (patch, how) =>
      void navigate({
        to: "/executions/$id",
        params: { id },
        search: (before) => said({ ...before, ...patch }) as RunSearch,
        replace: how?.push !== true,
        resetScroll: false,
      }),
    [navigate, id],
  );
}

const KNOWN_AFTER_MS = 1_000;
const KNOWN_EVERY_MS = 10_000;

/** What only the engine knows is asked for while a step wants a worker or runs: after an event, and now and then. */
function useKnown(id: string, wanted: boolean, lastSeq: number): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!wanted) return;
    const ask = () => void client.invalidateQueries({ queryKey: ["execution", id], exact: true });
    const first = setTimeout(ask, KNOWN_AFTER_MS);
    const timer = setInterval(ask, KNOWN_EVERY_MS);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  }, [client, id, wanted, lastSeq]);
}

/** For those who hear the page: that it came to an end, at most one in five seconds. */
function Announced({ text }: { text: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSaid(text), 500);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <p className="only-read-aloud" role="status">
      {said}
    </p>
  );
}
