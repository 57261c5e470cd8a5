// The timeline's scale: time to pixels and back, with idle stretches folded into breaks of one width. Piecewise linear, and both
// directions are exact inverses of each other.

export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface Segment extends Span {
  readonly kind: "time" | "break";
  readonly x0: number;
  readonly x1: number;
}

export interface Scale {
  readonly from: number;
  readonly to: number;
  readonly width: number;
  readonly segments: readonly Segment[];
  readonly breaks: readonly Segment[];
  toX(time: number): number;
  toTime(x: number): number;
}

/** Room for `23 h 59 m`. */
export const BREAK_WIDTH = 64;
/** An idle stretch is folded when it is longer than this and than `IDLE_SHARE` of all busy time. */
export const IDLE_MS_MIN = 2_000;
export const IDLE_SHARE = 0.2;
/** However many breaks there are, this share of the width is left for what happened. */
const BREAKS_SHARE_MAX = 0.6;

/** The union of spans, in order. */
export function union(spans: Iterable<Span>): Span[] {
  const sorted = [...spans].filter((span) => span.to >= span.from).sort((a, b) => a.from - b.from || a.to - b.to);
  const joined: { from: number; to: number }[] = [];
  for (const { from, to } of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else joined.push({ from, to });
  }
  return joined;
}

export const total = (spans: Iterable<Span>): number => [...spans].reduce((sum, { from, to }) => sum + (to - from), 0);

/** What lies between the spans, within `whole`, and is long enough to be folded. `busy` is a union. */
export function idleSpans(whole: Span, busy: readonly Span[]): Span[] {
  const least = Math.max(IDLE_MS_MIN, IDLE_SHARE * total(busy));
  const idle: Span[] = [];
  let from = whole.from;
  for (const span of [...busy, { from: whole.to, to: whole.to }]) {
    const to = Math.min(span.from, whole.to);
    if (to - from > least) idle.push({ from, to });
    from = Math.max(from, span.to);
  }
  return idle;
}

/** A scale of `whole` on `width` pixels, each of `folded` (apart, in order) taking a break's width. */
export function scale(whole: Span, width: number, folded: readonly Span[] = []): Scale {
  const { from } = whole;
  const to = Math.max(whole.to, from + 1);
  const breaks = folded
    .map((span) => ({ from: Math.max(span.from, from), to: Math.min(span.to, to) }))
    .filter((span) => span.to > span.from);
  const shown = to - from - total(breaks);
  const room = shown > 0 ? Math.min(width * BREAKS_SHARE_MAX, BREAK_WIDTH * breaks.length) : width;
  const breakWidth = breaks.length === 0 ? 0 : room / breaks.length;
  const perMs = shown > 0 ? (width - room) / shown : 0;

  const segments: Segment[] = [];
  let x = 0;
  const add = (kind: Segment["kind"], from: number, to: number, length: number) => {
    if (to <= from) return;
    segments.push({ kind, from, to, x0: x, x1: x + length });
    x += length;
  };
  let time = from;
  for (const span of breaks) {
    add("time", time, span.from, (span.from - time) * perMs);
    add("break", span.from, span.to, breakWidth);
    time = span.to;
  }
  add("time", time, to, (to - time) * perMs);
  return {
    from,
    to,
    width,
    segments,
    breaks: segments.filter((segment) => segment.kind === "break"),
    toX: (time) => interpolate(segments, time, "from", "to", "x0", "x1"),
    toTime: (x) => interpolate(segments, x, "x0", "x1", "from", "to"),
  };
}

type Edge = "from" | "to" | "x0" | "x1";

/** What lies outside is held at the ends, so that nothing is drawn beside the axis. */
function interpolate(segments: readonly Segment[], value: number, a0: Edge, a1: Edge, b0: Edge, b1: Edge): number {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((segments[middle]?.[a1] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  const segment = segments[low];
  if (segment === undefined) return 0;
  if (value <= segment[a0]) return segment[b0];
  if (value >= segment[a1]) return segment[b1];
  return segment[b0] + ((value - segment[a0]) / (segment[a1] - segment[a0])) * (segment[b1] - segment[b0]);
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28, 91, 365].map((days) => days * DAY),
];

export interface Tick {
  readonly time: number;
  readonly x: number;
}

export interface Ticks {
  readonly stepMs: number;
  readonly ticks: readonly Tick[];
}

/** Round times at least `gap` pixels apart, none inside a break. `zone` is added to a time to make its days begin at midnight. */
export function ticks(scale: Scale, gap = 88, zone = 0): Ticks {
  const perMs = Math.max(0, ...scale.segments.filter((segment) => segment.kind === "time").map((segment) => (segment.x1 - segment.x0) / (segment.to - segment.from)));
  const stepMs = STEPS.find((step) => step * perMs >= gap) ?? (STEPS.at(-1) as number);
  const found: Tick[] = [];
  for (const segment of scale.segments) {
    if (segment.kind === "break") continue;
    for (let time = Math.ceil((segment.from + zone) / stepMs) * stepMs - zone; time <= segment.to; time += stepMs) {
      const x = scale.toX(time);
      const last = found.at(-1);
      if (last === undefined || x - last.x >= gap * 0.9) found.push({ time, x });
    }
  }
  return { stepMs, ticks: found };
}
