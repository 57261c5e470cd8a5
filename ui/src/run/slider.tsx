// Through the history: every entry a position. A track with a tick for each (drawn on a canvas: there may be 10,000), and a
// native slider over it, so that keys and screen readers work as they always do.

import { useEffect, useMemo, useRef, useState } from "react";
import { count } from "../format/text";
import { clock, exact } from "../format/time";
import { Icon } from "../parts/icons";
import { useKeys } from "../frame/keys";
import { resolved, useThemed } from "../theme/canvas";
import { Sign, type SignName } from "../graph/signs";
import { entryWords, markOfEntry } from "./entry";
import { endedAt } from "./fold";
import { type HistoryEntry, stepIdOf } from "./history";
import { useOpen, useShown } from "./hooks";
import type { Moments } from "./moments";

interface SliderProps {
  /** `undefined` goes live. */
  onLookAt(seq: number | undefined): void;
}

const ENTRIES_A_SECOND = 8;

export function Slider({ onLookAt }: SliderProps) {
  const open = useOpen();
  const { seq, lastSeq, execution, whole } = useShown(open);
  const [speed, setSpeed] = useState<0 | 1 | 4>(0);
  const at = seq ?? lastSeq;
  const go = (to: number) => whole && onLookAt(to >= lastSeq ? undefined : Math.max(1, to));
  const errors = useMemo(() => open.moments.entries.slice(0, lastSeq).flatMap((entry) => (entry.type === "step_fail" || entry.type === "fail" ? entry.seq : [])), [open, lastSeq]);
  const nextError = () => {
    const next = errors.find((error) => error > at || (seq === undefined && error >= 1));
    const to = next ?? errors[0];
    if (to !== undefined) onLookAt(to);
  };
  useKeys("History", [
    { keys: ",", label: "One entry back", run: () => go(at - 1) },
    { keys: ".", label: "One entry on", run: () => go(at + 1) },
    { keys: "l", label: "Live", run: () => onLookAt(undefined) },
    { keys: "e", label: "Next error", run: nextError },
    { keys: " ", label: "Play", run: () => play() },
  ]);
  const play = () => {
    if (speed > 0) return setSpeed(0);
    if (seq === undefined) onLookAt(1);
    setSpeed(1);
  };
  usePlaying(speed, at, lastSeq, (to) => {
    go(to);
    const type = open.moments.entry(to)?.type;
    if (to >= lastSeq || type === "step_fail" || type === "fail") setSpeed(0);
  });
  const entry = open.moments.entry(at);
  return (
    <div className="slider" data-past={seq !== undefined || undefined} role="group" aria-label="Through the history">
      <span className="slider-buttons">
        <Step label="To the first entry" icon="first" disabled={at <= 1} onClick={() => go(1)} />
        <Step label="One entry back (,)" icon="back" disabled={at <= 1} onClick={() => go(at - 1)} />
        <Step label={speed > 0 ? "Stop" : "Play (Space)"} icon={speed > 0 ? "stop" : "play"} disabled={lastSeq < 2} onClick={play} />
        {speed > 0 && (
          <button type="button" className="button quiet small num" onClick={() => setSpeed(speed === 1 ? 4 : 1)} aria-label={`Speed ${speed}`}>
            {speed}×
          </button>
        )}
        <Step label="One entry on (.)" icon="on" disabled={seq === undefined} onClick={() => go(at + 1)} />
      </span>
      <Track at={at} lastSeq={lastSeq} entry={entry} onGo={go} />
      <span className="slider-place">
        <span className="num">{whole ? `${count(at)} of ${count(lastSeq)}` : "reading…"}</span>
        {seq === undefined ? (
          whole && endedAt(execution) === undefined && <span className="slider-live">LIVE</span>
        ) : (
          <button type="button" className="button small" onClick={() => onLookAt(undefined)}>
            <Icon name="play" size={12} /> Go live
          </button>
        )}
      </span>
    </div>
  );
}

function Step({ label, icon, disabled, onClick }: { label: string; icon: SignName; disabled: boolean; onClick(): void }) {
  return (
    <button type="button" className="button quiet small icon" aria-label={label} title={label} disabled={disabled} onClick={onClick}>
      <Sign name={icon} />
    </button>
  );
}

function usePlaying(speed: number, at: number, lastSeq: number, go: (seq: number) => void): void {
  const step = useRef(go);
  useEffect(() => {
    step.current = go;
  });
  useEffect(() => {
    if (speed === 0) return;
    const timer = setTimeout(() => step.current(at + 1), 1000 / (ENTRIES_A_SECOND * speed));
    return () => clearTimeout(timer);
  }, [speed, at, lastSeq]);
}

interface TrackProps {
  at: number;
  lastSeq: number;
  entry: HistoryEntry | undefined;
  onGo(seq: number): void;
}

function Track({ at, lastSeq, entry, onGo }: TrackProps) {
  const open = useOpen();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hovered, setHovered] = useState<{ seq: number; x: number }>();
  // While it is dragged at most one moment a frame is shown.
  const frame = useRef(0);
  useTicks(canvas, lastSeq, open.moments);
  const seqAt = (x: number, width: number) => Math.max(1, Math.min(lastSeq, Math.round((x / Math.max(1, width)) * (lastSeq - 1)) + 1));
  const shown = hovered === undefined ? undefined : open.moments.entry(hovered.seq);
  return (
    <div
      className="slider-track"
      onPointerMove={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        setHovered({ seq: seqAt(event.clientX - box.left, box.width), x: event.clientX - box.left });
      }}
      onPointerLeave={() => setHovered(undefined)}
    >
      <canvas ref={canvas} aria-hidden="true" />
      <span className="slider-rail" style={{ transform: `translateX(${lastSeq < 2 ? 100 : ((at - 1) / (lastSeq - 1)) * 100}%)` }}>
        <span className="slider-thumb" />
      </span>
      <input
        type="range"
        min={1}
        max={Math.max(1, lastSeq)}
        value={Math.max(1, at)}
        disabled={lastSeq < 2}
        aria-label="Entry of the history"
        aria-valuetext={entry === undefined ? undefined : `${entry.seq}: ${stepIdOf(entry) ?? ""} ${entryWords(entry)}, ${clock(entry.timestamp)}`}
        onChange={(event) => {
          const to = Number(event.target.value);
          cancelAnimationFrame(frame.current);
          frame.current = requestAnimationFrame(() => onGo(to));
        }}
      />
      {shown !== undefined && hovered !== undefined && (
        <span className="slider-hint" style={{ left: hovered.x }} title={exact(shown.timestamp)}>
          <span className="num">{shown.seq}</span> {clock(shown.timestamp, "milliseconds")} <bdi>{`${stepIdOf(shown) ?? ""} ${entryWords(shown)}`.slice(0, 90)}</bdi>
        </span>
      )}
    </div>
  );
}

/** A tick for each entry in the colour of its type; errors are taller. Where several share a pixel the most urgent wins. */
function useTicks(canvas: React.RefObject<HTMLCanvasElement | null>, lastSeq: number, moments: Moments): void {
  const themed = useThemed();
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const draw = () => paint(element, lastSeq, moments);
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [canvas, lastSeq, moments, themed]);
}

function paint(canvas: HTMLCanvasElement, lastSeq: number, moments: Moments): void {
  const { width, height } = canvas.getBoundingClientRect();
  const density = devicePixelRatio;
  canvas.width = Math.max(1, Math.round(width * density));
  canvas.height = Math.max(1, Math.round(height * density));
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.scale(density, density);
  const colours = resolved(canvas, ["completed", "failed", "retrying", "running", "waiting", "paused", "neutral"].map((name) => `--mark-${name}`));
  // Ten thousand entries on a thousand pixels: what ends up below another tick is not painted.
  const marks = new Map<number, { x: number; error: boolean; kind: ReturnType<typeof markOfEntry> }>();
  for (let seq = 1; seq <= lastSeq; seq += 1) {
    const entry = moments.entry(seq);
    if (entry === undefined) continue;
    const x = lastSeq < 2 ? width : ((seq - 1) / (lastSeq - 1)) * (width - 2);
    const error = entry.type === "step_fail" || entry.type === "fail";
    const pixel = Math.round(x);
    if (error || marks.get(pixel)?.error !== true) marks.set(pixel, { x, error, kind: markOfEntry(entry) });
  }
  for (const { x, error, kind } of marks.values()) {
    context.fillStyle = colours.get(`--mark-${kind === "failedHandled" ? "failed" : kind === "noWorker" ? "retrying" : kind}`) ?? colours.get("--mark-neutral") ?? "grey";
    const size = error ? 14 : 7;
    context.fillRect(x, (height - size) / 2, 2, size);
  }
}
