// JSON that a person can read: foldable, copyable as value or path, as text, as a file. Above 500 lines only what is in
// sight is drawn. Strings are text, never anything else.
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, useMemo, useRef, useState } from "react";
import { follow } from "../api/client";
import { ExactNumber } from "../api/exact";
import type { Truncated } from "../api/types";
import { bytes, counted, visible } from "../format/text";
import { Copy } from "../parts/copy";
import { Icon } from "../parts/icons";
import { sentence } from "../parts/panels";
import { expression, type Folding, isHidden, isTruncated, leftOut, keyOf, type Line, lines, MEMBERS, type Path, preview, pretty } from "./lines";
import "./tree.css";

const VIRTUAL_FROM = 500;
const LINE_PX = 20;
const STRING_MAX = 2000;

interface JsonTreeProps {
  value: unknown;
  /** What it is, for those who hear the page, and the name of the file. */
  label: string;
  /** How deep it begins open. */
  depth?: number;
  /** Names before the paths that are copied: `input`, `steps.charge.output`. */
  root?: string;
  /** Paths to be marked, as `keyOf` makes them. */
  marked?: ReadonlySet<string>;
  tools?: boolean;
}

export function JsonTree({ value, label, depth = 2, root, marked, tools = true }: JsonTreeProps) {
  const [raw, setRaw] = useState(false);
  const [loaded, setLoaded] = useState<ReadonlyMap<string, unknown>>(new Map());
  const [turned, setTurned] = useState<ReadonlySet<string>>(new Set());
  const [shown, setShown] = useState<ReadonlyMap<string, number>>(new Map());
  const whole = useMemo(() => withLoaded(value, loaded, []), [value, loaded]);
  const folding: Folding = useMemo(() => ({ depth, turned, shown }), [depth, turned, shown]);
  const all = useMemo(() => (raw ? [] : lines(whole, folding)), [whole, folding, raw]);
  const actions: LineActions = useMemo(
    () => ({
      root,
      turn: (path) => setTurned((before) => toggled(before, keyOf(path))),
      more: (path) => setShown((before) => new Map(before).set(keyOf(path), (before.get(keyOf(path)) ?? MEMBERS) + MEMBERS * 5)),
      load: (path, loadedValue) => setLoaded((before) => new Map(before).set(keyOf(path), loadedValue)),
    }),
    [root],
  );
  return (
    <div className="json" role="group" aria-label={label}>
      {tools && (
        <div className="json-tools">
          <Copy text={() => pretty(whole)} label={`Copy ${label}`} />
          <button type="button" className="button quiet small" aria-pressed={raw} onClick={() => setRaw(!raw)}>
            Raw
          </button>
          <button type="button" className="button quiet small icon" aria-label={`Download ${label}`} title="Download" onClick={() => download(label, pretty(whole))}>
            <Icon name="download" size={14} />
          </button>
        </div>
      )}
      {raw ? (
        <pre className="json-raw scrolls" tabIndex={0}>
          {visible(pretty(whole))}
        </pre>
      ) : all.length > VIRTUAL_FROM ? (
        <VirtualLines all={all} actions={actions} marked={marked} label={label} />
      ) : (
        <div className="json-lines">
          {all.map((line) => (
            <JsonLine key={lineKey(line)} line={line} actions={actions} marked={marked?.has(keyOf(line.path)) ?? false} />
          ))}
        </div>
      )}
    </div>
  );
}

interface LineActions {
  root: string | undefined;
  turn(path: Path): void;
  more(path: Path): void;
  load(path: Path, value: unknown): void;
}

function lineKey(line: Line): string {
  return `${line.kind === "close" || line.kind === "more" ? line.kind : ""}${keyOf(line.path)}`;
}

function VirtualLines({ all, actions, marked, label }: { all: Line[]; actions: LineActions; marked: ReadonlySet<string> | undefined; label: string }) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: all.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    getItemKey: (at) => lineKey(all[at] as Line),
    overscan: 20,
  });
  return (
    <div ref={scroller} className="json-window scrolls" tabIndex={0} role="region" aria-label={label}>
      <div className="json-lines" style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {virtual.getVirtualItems().map((item) => {
          const line = all[item.index] as Line;
          return (
            <div key={item.key} data-index={item.index} ref={virtual.measureElement} className="json-virtual" style={{ transform: `translateY(${item.start}px)` }}>
              <JsonLine line={line} actions={actions} marked={marked?.has(keyOf(line.path)) ?? false} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

const JsonLine = memo(function JsonLine({ line, actions, marked }: { line: Line; actions: LineActions; marked: boolean }) {
  const indent = { paddingInlineStart: `${line.path.length * 14 + 18}px` };
  if (line.kind === "close") {
    return (
      <div className="json-line" style={indent}>
        <span className="json-sign">{line.array ? "]" : "}"}{line.comma && ","}</span>
      </div>
    );
  }
  if (line.kind === "more") {
    return (
      <div className="json-line" style={{ paddingInlineStart: `${(line.path.length + 1) * 14 + 18}px` }}>
        <button type="button" className="linklike" onClick={() => actions.more(line.path)}>
          Show more ({counted(line.hidden, "entry", "entries")})
        </button>
      </div>
    );
  }
  return (
    <div className={`json-line ${marked ? "json-marked" : ""}`} style={indent}>
      {line.kind === "open" && line.size > 0 && <Fold line={line} onTurn={actions.turn} />}
      {line.name !== null && (
        <span className="json-name">
          <bdi>{visible(JSON.stringify(line.name))}</bdi>
          <span className="json-sign">: </span>
        </span>
      )}
      {line.kind === "open" ? <Container line={line} onTurn={actions.turn} /> : <Leaf line={line} actions={actions} />}
      {line.comma && <span className="json-sign">,</span>}
      <span className="json-line-tools">
        <Copy text={() => copied(line.value)} label="Copy value" />
        {line.path.length > 0 && (
          <Copy text={() => fullPath(actions.root, line.path)} label={`Copy path ${fullPath(actions.root, line.path)}`} className="button quiet small">
            path
          </Copy>
        )}
      </span>
    </div>
  );
});

function Fold({ line, onTurn }: { line: Extract<Line, { kind: "open" }>; onTurn(path: Path): void }) {
  return (
    <button
      type="button"
      className="json-fold"
      style={{ marginInlineStart: -18 }}
      aria-expanded={!line.folded}
      aria-label={`${line.folded ? "Unfold" : "Fold"} ${line.name ?? "the whole"}`}
      onClick={() => onTurn(line.path)}
    >
      <Icon name={line.folded ? "right" : "down"} size={12} />
    </button>
  );
}

function Container({ line, onTurn }: { line: Extract<Line, { kind: "open" }>; onTurn(path: Path): void }) {
  const array = Array.isArray(line.value);
  if (line.size === 0) return <span className="json-sign">{array ? "[]" : "{}"}</span>;
  if (!line.folded) return <span className="json-sign">{array ? "[" : "{"}</span>;
  return (
    <button type="button" className="json-preview" tabIndex={-1} onClick={() => onTurn(line.path)}>
      {visible(preview(line.value))} <span className="meta">{counted(line.size, array ? "item" : "field")}</span>
    </button>
  );
}

function Leaf({ line, actions }: { line: Extract<Line, { kind: "leaf" }>; actions: LineActions }): ReactNode {
  const { value } = line;
  if (isTruncated(value)) return <Big value={value} path={line.path} onLoad={(whole) => actions.load(line.path, whole)} />;
  if (isHidden(value)) return <Hidden />;
  if (typeof value === "string") return <Text value={value} />;
  const kind = typeof value === "boolean" || value === null ? "json-word" : "json-number";
  return <span className={kind}>{value instanceof ExactNumber ? value.text : (JSON.stringify(value) ?? "nothing")}</span>;
}

/** Told by its words, not only by its looks, from a text that somebody wrote. */
function Hidden() {
  return (
    <span className="json-hidden">
      <Icon name="hidden" size={12} /> hidden: the definition calls it sensitive
    </span>
  );
}

function Text({ value }: { value: string }) {
  const [all, setAll] = useState(false);
  const long = value.length > STRING_MAX && !all;
  return (
    <span className="json-text">
      <bdi>{visible(JSON.stringify(long ? value.slice(0, STRING_MAX) : value))}</bdi>
      {long && (
        <button type="button" className="linklike" onClick={() => setAll(true)}>
          {" "}
          Show all {bytes(value.length)}
        </button>
      )}
    </span>
  );
}

function Big({ value, path, onLoad }: { value: Truncated; path: Path; onLoad(value: unknown): void }) {
  const [state, setState] = useState<"no" | "loading" | { error: unknown }>("no");
  const load = async (): Promise<void> => {
    setState("loading");
    try {
      onLoad(leftOut(await follow(value.href), path));
    } catch (error) {
      setState({ error });
    }
  };
  return (
    <span className="json-big">
      {bytes(value.$truncated)} of JSON.{" "}
      <button type="button" className="linklike" onClick={load} disabled={state === "loading"}>
        {state === "loading" ? "Loading…" : "Show it"}
      </button>
      {typeof state === "object" && <span role="alert"> {sentence(state.error)}</span>}
    </span>
  );
}

function withLoaded(value: unknown, loaded: ReadonlyMap<string, unknown>, path: Path): unknown {
  if (loaded.size === 0) return value;
  if (isTruncated(value)) return loaded.get(keyOf(path)) ?? value;
  if (Array.isArray(value)) return value.map((item, at) => withLoaded(item, loaded, [...path, at]));
  if (typeof value !== "object" || value === null || value instanceof ExactNumber) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withLoaded(item, loaded, [...path, key])]));
}

function toggled(set: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(key)) next.add(key);
  return next;
}

function copied(value: unknown): string {
  return typeof value === "string" ? value : pretty(value);
}

function fullPath(root: string | undefined, path: Path): string {
  if (root === undefined) return expression(path);
  const rest = expression(path);
  return rest.startsWith("[") ? `${root}${rest}` : `${root}.${rest}`;
}

function download(label: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${label.replace(/[^\w.-]+/g, "-")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
