// The timeline: a row for each step, a bar for each attempt, and between them what it waited for. Idle stretches are folded, so a
// wait of three days hides nothing. Rows are virtual above a hundred.

import { useVirtualizer } from "@tanstack/react-virtual";
import { type PointerEvent, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { now as serverNow } from "../api/clock";
import { duration } from "../format/duration";
import { visible } from "../format/text";
import { clock, exact } from "../format/time";
import { Sign } from "../graph/signs";
import { at } from "../graph/steps";
import { markOf, skipWords, wordOf } from "../graph/words";
import { Empty, Skeleton } from "../parts/panels";
import { Mark } from "../parts/status";
import { useIsSelected, useLook, useOf, useOpen } from "../run/hooks";
import type { Delay, Track } from "../run/course";
import { type CriticalPath, span } from "./critical";
import { type AttemptMark, BARS_MAX, marksOf } from "./marks";
import { Crosshair } from "./crosshair";
import { Dense } from "./dense";
import { delayWords, markWords } from "./words";
import { idleSpans, scale, type Scale, type Span, ticks, union } from "./scale";
import "./timeline.css";

interface TimelineProps {
  critical: CriticalPath;
  zoom: Span | undefined;
  onZoom(zoom: Span | undefined): void;
  onChoose(step: number, attempt: number | undefined): void;
}

/** A stretch that can be unfolded: when it began, or what lies ahead. */
type Fold = number | "ahead";

const ROW_PX = 32;
const VIRTUAL_FROM = 100;
const TICK_MS = 1_000;
const LABEL_PX = 200;
const END_PX = 24;

export function Timeline({ critical, zoom, onZoom, onChoose }: TimelineProps) {
  const open = useOpen();
  const lastSeq = useOf(open, (shown) => shown.lastSeq);
  const isRead = useOf(open, (shown) => shown.whole);
  const { course } = open;
  const running = course.endedAt === undefined;
  const now = useNow(running);
  const [plot, width] = useWidth();
  const [unfolded, setUnfolded] = useState<ReadonlySet<Fold>>(new Set());
  const [foldingOff, setFoldingOff] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  const present = Math.max(course.endedAt ?? now, course.updatedAt, course.startedAt + 1);
  // Up to what happens next, where that is known.
  const end = useMemo(() => course.nextAfter(present) ?? present, [course, lastSeq, present]);
  const whole = zoom ?? { from: course.startedAt, to: end };
  const idle = useMemo(() => {
    const busy = union(course.tracks.flatMap((track) => track.attempts.map((attempt) => span(attempt, now))));
    return [...idleSpans({ from: course.startedAt, to: present }, busy), ...idleSpans({ from: present, to: end }, busy)];
    // The course is changed in place: its length says when.
  }, [course, lastSeq, now, present, end]);
  // What lies ahead begins now, which is another moment every second.
  const foldOf = (stretch: Span): Fold => (stretch.from >= present ? "ahead" : stretch.from);
  const folded = foldingOff ? [] : idle.filter((stretch) => !unfolded.has(foldOf(stretch)));
  const made = useMemo(() => scale(whole, Math.max(100, width - END_PX), folded), [whole.from, whole.to, width, folded]);
  const order = open.graph.order;
  const bars = useMemo(() => course.tracks.reduce((sum, track) => sum + track.attempts.length, 0), [course, lastSeq]);
  if (!isRead) return <Skeleton rows={Math.min(8, order.length)} height={ROW_PX} />;
  if (lastSeq === 0 || course.tracks.every((track) => track.attempts.length === 0 && track.delays.length === 0)) return <Empty title="Nothing has run yet." />;
  return (
    <div className="timeline" style={{ "--label": `${LABEL_PX}px` } as React.CSSProperties}>
      <div className="timeline-tools">
        <Summary critical={critical} />
        <span className="timeline-buttons">
          {idle.length > 0 && (
            <button type="button" className="button quiet small" onClick={() => (setUnfolded(new Set()), setFoldingOff(folded.length > 0))}>
              {folded.length > 0 ? "Unfold idle time" : "Fold idle time"}
            </button>
          )}
          <ZoomButtons whole={whole} onZoom={onZoom} zoomed={zoom !== undefined} />
        </span>
      </div>
      <div className="timeline-frame" ref={frame}>
        <div className="timeline-head">
          <div className="timeline-corner meta">{zoneName()}</div>
          <Axis ref={plot} scale={made} onZoom={onZoom} present={present} onUnfold={(stretch) => setUnfolded(new Set([...unfolded, foldOf(stretch)]))} />
        </div>
        <Rows count={order.length}>
          {(place) => {
            const step = at(order, place);
            return <Row step={step} track={at(course.tracks, step)} scale={made} now={now} critical={critical.steps.includes(step)} version={lastSeq} bars={bars} onChoose={onChoose} />;
          }}
        </Rows>
        <Overlay scale={made} now={running ? now : undefined} />
        <Crosshair frame={frame} scale={made} now={now} order={order} />
      </div>
    </div>
  );
}

function Summary({ critical }: { critical: CriticalPath }) {
  const { graph } = useOpen();
  if (critical.longest === undefined) return <span className="meta" />;
  const { step, share } = critical.longest;
  return (
    <span className="meta">
      Critical path <span className="num">{duration(critical.busyMs)}</span>
      {share < 0.995 && (
        <>
          ; <bdi>{visible(at(graph.steps, step).label)}</bdi> took {Math.round(share * 100)} % of the busy time
        </>
      )}
    </span>
  );
}

function ZoomButtons({ whole, zoomed, onZoom }: { whole: Span; zoomed: boolean; onZoom(zoom: Span | undefined): void }) {
  const by = (factor: number) => {
    const [middle, half] = [(whole.from + whole.to) / 2, ((whole.to - whole.from) * factor) / 2];
    onZoom({ from: Math.round(middle - half), to: Math.round(middle + Math.max(1, half)) });
  };
  return (
    <>
      <button type="button" className="button quiet small icon" aria-label="Zoom out" disabled={!zoomed} onClick={() => by(2)}>
        −
      </button>
      <button type="button" className="button quiet small icon" aria-label="Zoom in" onClick={() => by(0.5)}>
        +
      </button>
      {zoomed && (
        <button type="button" className="button quiet small" onClick={() => onZoom(undefined)}>
          Whole
        </button>
      )}
    </>
  );
}

const zoneName = (): string => {
  const minutes = -new Date().getTimezoneOffset();
  const hours = `${Math.abs(Math.trunc(minutes / 60))}${minutes % 60 === 0 ? "" : `:${String(Math.abs(minutes % 60)).padStart(2, "0")}`}`;
  return minutes === 0 ? "UTC" : `UTC${minutes < 0 ? "−" : "+"}${hours}`;
};

const TICK_LABEL_PX = 84;

/** Whether a time can stand behind its tick without running into a break or out of the axis. */
const hasRoom = (made: Scale, x: number): boolean =>
  x + TICK_LABEL_PX <= made.width + END_PX && !made.breaks.some((stretch) => stretch.x0 < x + TICK_LABEL_PX && stretch.x1 > x);

interface AxisProps {
  ref: (element: HTMLDivElement | null) => void;
  scale: Scale;
  present: number;
  onZoom(zoom: Span | undefined): void;
  onUnfold(stretch: Span): void;
}

const DRAG_MIN_PX = 6;

/** Round times, breaks that can be unfolded, and a drag that zooms in. */
function Axis({ ref, scale: made, present, onZoom, onUnfold }: AxisProps) {
  const [drag, setDrag] = useState<{ from: number; to: number }>();
  const offset = -new Date(made.from).getTimezoneOffset() * 60_000;
  const { ticks: found, stepMs } = ticks(made, 92, offset);
  const place = (event: PointerEvent<HTMLDivElement>) => event.clientX - event.currentTarget.getBoundingClientRect().left;
  return (
    <div
      ref={ref}
      className="timeline-axis"
      title="Drag to zoom, double click for the whole"
      onPointerDown={(event) => {
        if ((event.target as Element).closest("button")) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag({ from: place(event), to: place(event) });
      }}
      onPointerMove={(event) => drag && setDrag({ ...drag, to: place(event) })}
      onPointerUp={() => {
        if (drag !== undefined && Math.abs(drag.to - drag.from) > DRAG_MIN_PX) {
          const [x0, x1] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
          onZoom({ from: Math.floor(made.toTime(x0)), to: Math.ceil(made.toTime(x1)) });
        }
        setDrag(undefined);
      }}
      onDoubleClick={() => onZoom(undefined)}
    >
      {found.map(({ time, x }) => (
        <span key={time} className="timeline-tick num" style={{ left: x }} data-bare={!hasRoom(made, x) || undefined}>
          {!hasRoom(made, x) ? null : stepMs >= 86_400_000 ? exact(time).slice(5, 10) : clock(time, stepMs < 1_000 ? "milliseconds" : stepMs < 60_000 ? "seconds" : "minutes")}
        </span>
      ))}
      {made.breaks.map((stretch) => (
        <button
          key={stretch.from}
          type="button"
          className="timeline-break"
          style={{ left: stretch.x0, width: stretch.x1 - stretch.x0 }}
          data-ahead={stretch.from >= present || undefined}
          title={`${stretch.from >= present ? `Goes on in ${duration(stretch.to - stretch.from)}, at ${clock(stretch.to)}` : `Nothing ran for ${duration(stretch.to - stretch.from)}, ${clock(stretch.from)} to ${clock(stretch.to)}`}. Click to unfold`}
          aria-label={stretch.from >= present ? `Unfold the ${duration(stretch.to - stretch.from)} until it goes on` : `Unfold ${duration(stretch.to - stretch.from)} in which nothing ran`}
          onClick={() => onUnfold(stretch)}
        >
          <span>{duration(stretch.to - stretch.from)}</span>
        </button>
      ))}
      {drag !== undefined && <span className="timeline-drag" style={{ left: Math.min(drag.from, drag.to), width: Math.abs(drag.to - drag.from) }} />}
    </div>
  );
}

function Rows({ count, children }: { count: number; children(place: number): ReactNode }) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count, getScrollElement: () => scroller.current, estimateSize: () => ROW_PX, overscan: 10, enabled: count > VIRTUAL_FROM });
  if (count <= VIRTUAL_FROM) return <div className="timeline-rows scrolls">{Array.from({ length: count }, (_, place) => <div key={place}>{children(place)}</div>)}</div>;
  return (
    <div ref={scroller} className="timeline-rows scrolls">
      <div style={{ height: rows.getTotalSize(), position: "relative" }}>
        {rows.getVirtualItems().map((item) => (
          <div key={item.key} className="timeline-virtual" style={{ transform: `translateY(${item.start}px)` }}>
            {children(item.index)}
          </div>
        ))}
      </div>
    </div>
  );
}

interface RowProps {
  step: number;
  track: Track;
  scale: Scale;
  now: number;
  critical: boolean;
  /** Renders again when the history has grown. */
  version: number;
  /** How many attempts all rows have. */
  bars: number;
  onChoose(step: number, attempt: number | undefined): void;
}

const BARS_ALL_MAX = 1_500;

function Row({ step, track, scale: made, now, critical, version, bars, onChoose }: RowProps) {
  const { graph } = useOpen();
  const { id, label } = at(graph.steps, step);
  const look = useLook(step);
  const selected = useIsSelected(id);
  const { state } = look.record;
  const open = track.attempts.length === 0 && track.delays.length === 0;
  // The track is changed in place: `version` says when.
  const marks = useMemo(() => marksOf(track.attempts, made, now), [track, made, now, version]);
  const delays = useMemo(() => track.delays.filter((delay) => (delay.endedAt ?? delay.until) >= made.from && delay.from <= made.to), [track, made, version]);
  // A few hundred marks are elements, which can be reached by keys; thousands are painted.
  const dense = track.attempts.length > BARS_MAX || bars > BARS_ALL_MAX;
  return (
    <div className="timeline-row" data-row={step} data-look={look.kind} data-selected={selected || undefined}>
      <button type="button" className="timeline-label" data-step={id} aria-pressed={selected} aria-label={`${label}, ${wordOf(look.kind)}`} onClick={() => onChoose(step, undefined)}>
        <Mark kind={markOf(look.kind)} size={14} />
        <bdi className="cut">{visible(label)}</bdi>
        {critical && (
          <Sign name="critical" title="On the critical path" size={9} />
        )}
      </button>
      <div className="timeline-bars">
        {dense ? (
          <Dense marks={marks} delays={delays} label={label} scale={made} now={now} onChoose={(attempt) => onChoose(step, attempt)} />
        ) : (
          <>
            {delays.map((delay) => (
              <DelayLine key={delay.seq} delay={delay} scale={made} now={now} />
            ))}
            {marks.map((mark, index) => (
              <Bar key={mark.attempt.number} mark={mark} next={marks[index + 1]} label={label} scale={made} onChoose={() => onChoose(step, mark.attempt.number)} />
            ))}
          </>
        )}
        {open && <span className="timeline-none meta">{state.kind === "skipped" ? skipWords(state.cause) : wordOf(look.kind)}</span>}
      </div>
    </div>
  );
}

const BAR_MIN_PX = 3;
/** From this width on the duration stands in the bar, else behind it. */
const INSIDE_PX = 64;
/** What the duration needs behind it. */
const BESIDE_PX = 60;

interface BarProps {
  mark: AttemptMark;
  next: AttemptMark | undefined;
  label: string;
  scale: Scale;
  onChoose(): void;
}

function Bar({ mark, next, label, scale: made, onChoose }: BarProps) {
  const { attempt, from, to, count } = mark;
  const [x0, x1] = [made.toX(from), made.toX(to)];
  const queued = made.toX(attempt.readyAt);
  const width = Math.max(BAR_MIN_PX, x1 - x0);
  const length = duration(to - from);
  const words = markWords(mark);
  const room = (next === undefined ? made.width + END_PX : made.toX(next.from)) - x0 - width;
  return (
    <>
      {count === 1 && x0 - queued > 1 && <span className="bar-queue" style={{ left: queued, width: x0 - queued }} title={`waited ${duration(from - attempt.readyAt)} for a worker`} />}
      <button type="button" className="bar" data-outcome={mark.failed > 0 ? "failed" : attempt.outcome} data-wide={width >= INSIDE_PX || undefined} style={{ left: x0, width }} aria-label={`${label}, ${words}`} onClick={onChoose}>
        {width >= INSIDE_PX && <span className="bar-length num" aria-hidden="true">{length}</span>}
        {attempt.outcome === "failed" && width >= 14 && <span aria-hidden="true">✕</span>}
      </button>
      {width < INSIDE_PX && room >= BESIDE_PX && (
        <span className="bar-beside num" style={{ left: x0 + width + 4 }} aria-hidden="true">
          {attempt.outcome === "failed" ? "✕ " : ""}
          {length}
        </span>
      )}
    </>
  );
}

function DelayLine({ delay, scale: made, now }: { delay: Delay; scale: Scale; now: number }) {
  const end = delay.endedAt ?? Math.max(now, delay.from);
  const [x0, x1] = [made.toX(delay.from), made.toX(end)];
  const ahead = delay.endedAt === undefined && delay.until > end ? made.toX(Math.min(delay.until, made.to)) : x1;
  return (
    <>
      <span className="delay" data-kind={delay.kind} style={{ left: x0, width: Math.max(2, x1 - x0) }} title={delayWords(delay)} />
      {ahead > x1 && (
        <span className="delay-ahead" data-kind={delay.kind} data-ends={delay.until <= made.to || undefined} style={{ left: x1, width: ahead - x1 }} title={delayWords(delay)} />
      )}
    </>
  );
}

/** What lies over all rows: breaks, pauses, retries by hand, now. */
function Overlay({ scale: made, now }: { scale: Scale; now: number | undefined }) {
  const { course } = useOpen();
  return (
    <div className="timeline-overlay" aria-hidden="true">
      {ticks(made, 92, -new Date(made.from).getTimezoneOffset() * 60_000).ticks.map(({ time, x }) => (
        <span key={`t${time}`} className="overlay-tick" style={{ left: x }} />
      ))}
      {made.breaks.map((stretch) => (
        <span key={stretch.from} className="overlay-break" style={{ left: stretch.x0, width: stretch.x1 - stretch.x0 }} />
      ))}
      {course.pauses.map((pause) => {
        const [x0, x1] = [made.toX(pause.from), made.toX(pause.to ?? now ?? made.to)];
        return <span key={pause.from} className="overlay-pause" style={{ left: x0, width: Math.max(2, x1 - x0) }} />;
      })}
      {course.retries.map((retry) => (
        <span key={retry.seq} className="overlay-retry" style={{ left: made.toX(retry.at) }}>
          <span>retry{retry.by === undefined ? "" : ` by ${visible(retry.by)}`}</span>
        </span>
      ))}
      {now !== undefined && now <= made.to + 2_000 && <span className="overlay-now" style={{ transform: `translateX(${made.toX(now)}px)` }} />}
    </div>
  );
}

/** What the server's clock says, once a second while anything goes on. */
function useNow(ticking: boolean): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => setNow(serverNow()), TICK_MS);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}

function useWidth(): [(element: HTMLDivElement | null) => void, number] {
  const [width, setWidth] = useState(600);
  const observer = useRef<ResizeObserver>(undefined);
  const [attach] = useState(() => (element: HTMLDivElement | null) => {
    observer.current?.disconnect();
    if (element === null) return;
    observer.current = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    observer.current.observe(element);
  });
  return [attach, width];
}

