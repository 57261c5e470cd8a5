// The rows in sight, of as many as there are. A real table with one place in the tab order; arrows, or j and k, move in it.
import { useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type MouseEvent, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useWatched } from "../api/store";
import { useKeys } from "../frame/keys";
import { copy } from "../parts/copy";
import type { ExecutionList } from "./list";
import { addressOf, Row } from "./Row";
import { useMedia } from "./media";
import type { Selection } from "./selection";

interface TableProps {
  list: ExecutionList;
  selection: Selection;
  selectable: boolean;
  total: number | undefined;
  foot: ReactNode;
}

const OVERSCAN = 8;
const NEAR_END = 30;

export function Table({ list, selection, selectable, total, foot }: TableProps) {
  const { ids, waiting, phase, ended, searchedTo } = useWatched(list.state);
  const phone = useMedia("(max-width: 719px)");
  const scroller = useRef<HTMLDivElement>(null);
  const [current, setShownCurrent] = useState(0);
  // Keys can come faster than the page is drawn: each goes on from where the last one led.
  const at = useRef(0);
  const setCurrent = (to: number): void => {
    at.current = to;
    setShownCurrent(to);
  };
  const [scrolled, setScrolled] = useState(false);
  const rowHeight = useRowHeight(phone);
  const virtual = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    initialOffset: list.scrollTop,
    getItemKey: (at) => ids[at] ?? at,
  });
  useEffect(() => virtual.measure(), [rowHeight, virtual]);
  useLayoutEffect(() => {
    if (scroller.current) scroller.current.scrollTop = list.scrollTop;
  }, [list]);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    // A search that ran out of time goes on when it is asked to: each further look costs the server as much again.
    if (!ended && phase === "ready" && searchedTo === undefined && ids.length > 0 && last >= ids.length - NEAR_END) void list.more();
  }, [last, ids.length, ended, phase, searchedTo, list]);

  const first = items[0]?.index ?? 0;
  useEffect(() => list.see(first, last), [first, last, ids, list]);

  const freeze = useFreeze(list, scroller, scrolled);
  const navigate = useNavigate();
  const onClick = (event: MouseEvent<HTMLElement>): void => {
    const target = event.target as Element;
    const index = Number(target.closest<HTMLElement>("tr[data-row]")?.dataset["row"] ?? Number.NaN);
    const id = ids[index];
    if (id === undefined) return;
    setCurrent(index);
    if (target.closest("input, .ex-choose")) {
      selection.choose(id, index, event.shiftKey);
      return;
    }
    // A new tab, a new window, a text that is being selected: what browsers do by themselves.
    const selecting = (getSelection()?.toString() ?? "") !== "";
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || (selecting && !target.closest("a"))) return;
    event.preventDefault();
    void navigate({ to: "/executions/$id", params: { id } });
  };
  const move = (to: number, focus = true): void => {
    const next = Math.max(0, Math.min(ids.length - 1, to));
    setCurrent(next);
    virtual.scrollToIndex(next, { align: "auto" });
    if (focus) requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`tr[data-row="${next}"] [data-open]`)?.focus({ preventScroll: true }));
  };
  const toTop = (): void => {
    scroller.current?.scrollTo({ top: 0 });
    setCurrent(0);
    list.letIn();
  };
  useTableKeys({ list, at, move, toTop, selection, selectable });

  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <div className="ex-frame" {...freeze}>
      {waiting > 0 && (
        <button type="button" className="ex-new" onClick={toTop}>
          ▲ {waiting > 999 ? "999+" : waiting} new
        </button>
      )}
      <div
        ref={scroller}
        className="ex-scroller scrolls"
        onScroll={(event) => {
          list.scrollTop = event.currentTarget.scrollTop;
          setScrolled(event.currentTarget.scrollTop > 0);
        }}
      >
        <table className="ex-table" aria-label="Executions" aria-rowcount={total === undefined ? -1 : total + 1}>
          {!phone && <Columns />}
          <thead className={phone ? "only-read-aloud" : ""}>
            <tr aria-rowindex={1}>
              {phone ? (
                <th scope="col">Execution</th>
              ) : (
                <>
                  <th scope="col" className="ex-choose">
                    <span className="only-read-aloud">Selected</span>
                  </th>
                  <th scope="col">Status</th>
                  <th scope="col">Workflow</th>
                  <th scope="col">Execution</th>
                  <th scope="col">Now or outcome</th>
                  <th scope="col" className="ex-when">Started</th>
                  <th scope="col" className="ex-took">Took</th>
                </>
              )}
            </tr>
          </thead>
          <tbody onClick={onClick} onPointerOver={preload} onFocus={preload}>
            {before > 0 && <Space height={before} columns={phone ? 1 : 7} />}
            {items.map((item) => {
              const id = ids[item.index];
              const row = id === undefined ? undefined : list.row(id);
              return id !== undefined && row ? (
                <Row
                  key={id}
                  row={row}
                  index={item.index}
                  chosen={selection.ids.has(id)}
                  current={item.index === current}
                  gone={list.isGone(id)}
                  phone={phone}
                  selectable={selectable}
                />
              ) : (
                <Away key={item.key} index={item.index} columns={phone ? 1 : 7} height={rowHeight} />
              );
            })}
            {after > 0 && <Space height={after} columns={phone ? 1 : 7} />}
          </tbody>
        </table>
        {foot}
      </div>
    </div>
  );
}

/** The code of an execution's screen comes when a row is pointed at for the first time. */
function preload(): void {
  void import("../run/Run").catch(() => undefined);
}

function Columns() {
  return (
    <colgroup>
      <col style={{ width: 44 }} />
      <col style={{ width: 128 }} />
      <col style={{ width: "22%" }} />
      <col style={{ width: 104 }} />
      <col />
      <col style={{ width: 132 }} />
      <col style={{ width: 104 }} />
    </colgroup>
  );
}

function Space({ height, columns }: { height: number; columns: number }) {
  return (
    <tr aria-hidden="true">
      <td colSpan={columns} style={{ height, padding: 0, border: 0 }} />
    </tr>
  );
}

/** A row that was let go and is being read again: its place, until it is there. */
function Away({ index, columns, height }: { index: number; columns: number; height: number }) {
  return (
    <tr className="ex-row-away" aria-rowindex={index + 2}>
      <td colSpan={columns} style={{ height }}>…</td>
    </tr>
  );
}

/** 36 px, or what that is with a larger text; three lines on a phone. */
function useRowHeight(phone: boolean): number {
  const [scale] = useState(() => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1);
  return Math.round((phone ? 84 : 36) * scale);
}

/** Rows stand still while a pointer or the focus is on them, or the list is scrolled. */
function useFreeze(list: ExecutionList, scroller: { current: HTMLElement | null }, scrolled: boolean) {
  const pointer = useRef(false);
  const tell = useCallback(() => {
    // Asked, not remembered: an element that is taken away with the focus in it says nothing.
    const focus = scroller.current?.parentElement?.contains(document.activeElement) ?? false;
    list.freeze(pointer.current || focus || (scroller.current?.scrollTop ?? 0) > 0);
  }, [list, scroller]);
  useEffect(tell, [scrolled, tell]);
  return {
    onPointerEnter: (event: { pointerType: string }) => {
      pointer.current = event.pointerType === "mouse";
      tell();
    },
    onPointerLeave: () => {
      pointer.current = false;
      tell();
    },
    onFocus: tell,
    // While it is on its way the focus is nowhere.
    onBlur: () => void setTimeout(tell),
  };
}

interface TableKeys {
  list: ExecutionList;
  at: { readonly current: number };
  move(to: number): void;
  toTop(): void;
  selection: Selection;
  selectable: boolean;
}

/** The focus follows a key with the next frame; keys that come sooner go on from where the last one led. */
const FOLLOWS_MS = 300;

function useTableKeys({ list, at, move, toTop, selection, selectable }: TableKeys): void {
  const navigate = useNavigate();
  const moved = useRef(Number.NEGATIVE_INFINITY);
  const step = (by: number): void => {
    const inside = document.activeElement?.closest(".ex-row") !== null || performance.now() - moved.current < FOLLOWS_MS;
    moved.current = performance.now();
    // The first key only shows where one is.
    move(inside ? at.current + by : at.current);
  };
  const withRow = (run: (id: string, index: number) => void) => (): void => {
    const id = list.state.get().ids[at.current];
    if (id !== undefined) run(id, at.current);
  };
  const choosing = selectable
    ? [
        { keys: "x", label: "Select", run: withRow((id, index) => selection.choose(id, index, false)) },
        { keys: "Shift+x", label: "Select from the last to here", run: withRow((id, index) => selection.choose(id, index, true)) },
        { keys: "a", label: "Select all that are loaded", run: () => selection.chooseAll() },
      ]
    : [];
  useKeys("Executions", [
    { keys: ["j", "ArrowDown"], label: "Next", run: () => step(1) },
    { keys: ["k", "ArrowUp"], label: "Previous", run: () => step(-1) },
    { keys: "Enter", label: "Open", run: withRow((id) => void navigate({ to: "/executions/$id", params: { id } })) },
    { keys: "o", label: "Open in a new tab", run: withRow((id) => window.open(addressOf(id), "_blank", "noopener")) },
    ...choosing,
    { keys: "y", label: "Copy the id", run: withRow((id) => void copy(id)) },
    { keys: "Home", label: "Top, with what is new", run: toTop },
  ]);
}
