// The complete history, newest first: only what is in sight is drawn, and an entry's payload is fetched when it is opened.

import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useMemo, useRef, useState } from "react";
import { duration } from "../format/duration";
import { count, counted, visible } from "../format/text";
import { get } from "../api/client";
import { JsonTree } from "../json/tree";
import { Icon } from "../parts/icons";
import { Menu } from "../parts/menu";
import { Empty, Failed, Skeleton } from "../parts/panels";
import { Mark } from "../parts/status";
import { Clock } from "../parts/time";
import { entryQuery, entryWords, markOfEntry, searchable } from "./entry";
import { type HistoryEntry, stepIdOf } from "./history";
import { useOf, useOpen } from "./hooks";

interface HistoryListProps {
  id: string;
  types: readonly string[];
  text: string;
  step: string | undefined;
  onFilter(filter: { types?: string | undefined; hq?: string | undefined; step?: string | undefined }): void;
  /** Shows the moment after an entry. */
  onLookAt(seq: number): void;
}

const ROW_PX = 32;

export function HistoryList({ id, types, text, step, onFilter, onLookAt }: HistoryListProps) {
  const open = useOpen();
  const seq = useOf(open, (shown) => shown.seq);
  const [ofStep, setOfStep] = useState(false);
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const scroller = useRef<HTMLDivElement>(null);
  const wanted = ofStep ? step : undefined;
  const { all, whole } = useEntries(id);
  const entries = useMemo(() => filtered(all, types, text, wanted), [all, types, text, wanted]);
  const allTypes = useMemo(() => [...new Set(all.map((entry) => entry.type))].sort(), [all]);
  const rows = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => entries[index]?.seq ?? index,
    overscan: 8,
  });
  // The same function for ever: a move of the slider renders one row, not all.
  const turn = useCallback(
    (of: number) =>
      setOpened((before) => {
        const next = new Set(before);
        if (!next.delete(of)) next.add(of);
        return next;
      }),
    [],
  );
  const turnType = (type: string) => {
    const next = types.includes(type) ? types.filter((other) => other !== type) : [...types, type];
    onFilter({ types: next.length === 0 ? undefined : next.join(",") });
  };
  return (
    <div className="history">
      <div className="history-tools">
        <Menu label="Types" button={types.length === 0 ? "All types ▾" : `${types.length} types ▾`} several className="button small" items={allTypes.map((type) => ({ key: type, label: type, checked: types.includes(type), run: () => turnType(type) }))} />
        {step !== undefined && (
          <button type="button" className="button small" aria-pressed={ofStep} onClick={() => setOfStep(!ofStep)}>
            Only <bdi className="cut">{visible(step)}</bdi>
          </button>
        )}
        <input className="field history-search" type="search" placeholder="Search the history" aria-label="Search the history" defaultValue={text} onChange={(event) => onFilter({ hq: event.target.value === "" ? undefined : event.target.value })} />
        <span className="meta num">{!whole ? "The newest; older ones are being read" : entries.length === all.length ? counted(all.length, "entry", "entries") : `${count(entries.length)} of ${count(all.length)}`}</span>
      </div>
      {entries.length === 0 ? (
        whole ? <Empty title={all.length === 0 ? "Nothing has happened yet." : "No entry matches."} /> : <Skeleton rows={5} height={32} />
      ) : (
        <div ref={scroller} className="history-list scrolls" role="list" aria-label="History, newest first" tabIndex={0}>
          <div style={{ height: rows.getTotalSize(), position: "relative" }}>
            {rows.getVirtualItems().map((item) => {
              const entry = entries[item.index] as HistoryEntry;
              return (
                <div key={item.key} ref={rows.measureElement} data-index={item.index} role="listitem" className="history-item" style={{ transform: `translateY(${item.start}px)` }}>
                  <EntryRow entry={entry} before={open.moments.entry(entry.seq - 1)} here={entry.seq === seq} isOpen={opened.has(entry.seq)} onTurn={turn} onLookAt={onLookAt} />
                  {opened.has(entry.seq) && <EntryBody id={id} seq={entry.seq} />}
                </div>
              );
            })}
          </div>
        </div>
      )}
    </div>
  );
}

const NEWEST = 100;

/** All of them, once they have been read; until then the newest, which are asked for by themselves. */
function useEntries(id: string): { all: readonly HistoryEntry[]; whole: boolean } {
  const open = useOpen();
  const lastSeq = useOf(open, (shown) => shown.lastSeq);
  const whole = useOf(open, (shown) => shown.whole);
  const newest = useQuery({
    queryKey: ["newest entries", id],
    queryFn: ({ signal }) => get("/executions/{id}/history", { path: { id }, query: { order: "desc", limit: NEWEST, payloads: "none" }, signal }),
    enabled: !whole,
    gcTime: 0,
  });
  const all = useMemo(() => (whole ? open.moments.entries.slice(0, lastSeq) : [...(newest.data?.entries ?? [])].reverse()), [open, whole, lastSeq, newest.data]);
  return { all, whole };
}

/** Newest first. */
function filtered(entries: readonly HistoryEntry[], types: readonly string[], text: string, step: string | undefined): readonly HistoryEntry[] {
  const words = text.trim().toLowerCase();
  const kept = entries.filter((entry) => (types.length === 0 || types.includes(entry.type)) && (step === undefined || stepIdOf(entry) === step) && (words === "" || searchable(entry).includes(words)));
  return kept.reverse();
}

interface EntryRowProps {
  entry: HistoryEntry;
  before: HistoryEntry | undefined;
  here: boolean;
  isOpen: boolean;
  onTurn(seq: number): void;
  onLookAt(seq: number): void;
}

const EntryRow = memo(function EntryRow({ entry, before, here, isOpen, onTurn, onLookAt }: EntryRowProps) {
  return (
    <div className="history-row" data-type={entry.type} data-retried={(entry.type === "step_fail" && entry.data.retryAt !== undefined) || undefined} data-here={here || undefined}>
      <button type="button" className="history-open" aria-expanded={isOpen} onClick={() => onTurn(entry.seq)}>
        <Icon name={isOpen ? "down" : "right"} size={12} />
        <span className="only-read-aloud">Entry </span>
        <span className="num history-seq">{entry.seq}</span>
        <Clock at={entry.timestamp} precision="milliseconds" />
        <Mark kind={markOfEntry(entry)} size={14} />
        <span className="history-words cut">
          {"stepId" in entry && (
            <code>
              <bdi>{visible(entry.stepId)}</bdi>
            </code>
          )}{" "}
          <bdi>{visible(entryWords(entry))}</bdi>
        </span>
        <span className="num meta history-gap">{before === undefined ? "" : `+${duration(entry.timestamp - before.timestamp)}`}</span>
      </button>
      <button type="button" className="button quiet small" title="Show the graph and the state as they were after this entry" onClick={() => onLookAt(entry.seq)}>
        Show
      </button>
    </div>
  );
});

function EntryBody({ id, seq }: { id: string; seq: number }) {
  const { data, error, refetch } = useQuery(entryQuery(id, seq));
  if (error) return <Failed error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Skeleton rows={2} height={20} />;
  return (
    <div className="history-body">
      <JsonTree value={data} label={`entry ${seq}`} depth={3} />
    </div>
  );
}
