import { describe, expect, it } from "vitest";
import { stepGraph } from "../../../src/graph/steps";
import { type Attempt, course } from "../../../src/run/course";
import { marksOf } from "../../../src/timeline/marks";
import { BREAK_WIDTH, idleSpans, scale, ticks, total, union, type Span } from "../../../src/timeline/scale";
import { random } from "../random";
import { entry, type Short } from "../run/entries";

const spans = (...edges: [number, number][]): Span[] => edges.map(([from, to]) => ({ from, to }));
const DAY = 86_400_000;

describe("unions", () => {
  it("join what touches or overlaps, whatever the order", () => {
    expect(union(spans([5, 9], [0, 2], [8, 12], [2, 3], [20, 20], [7, 6]))).toEqual(spans([0, 3], [5, 12], [20, 20]));
    expect(total(union(spans([0, 10], [5, 15])))).toBe(15);
  });
});

describe("idle time", () => {
  it("is what lies between attempts and is long against what was busy", () => {
    const whole = { from: 0, to: 100_000 };
    expect(idleSpans(whole, spans([0, 10_000], [11_000, 20_000], [90_000, 100_000]))).toEqual(spans([20_000, 90_000]));
    // 20 % of 40 s busy: 7 s of idle stay.
    expect(idleSpans(whole, spans([0, 20_000], [27_000, 47_000], [47_000, 100_000]))).toEqual([]);
  });

  it("is everything while only a timer runs", () => {
    expect(idleSpans({ from: 0, to: 3 * DAY }, [])).toEqual(spans([0, 3 * DAY]));
    expect(idleSpans({ from: 0, to: 1_500 }, [])).toEqual([]);
  });

  it("stays within what is looked at", () => {
    expect(idleSpans({ from: 50_000, to: 60_000 }, spans([0, 1_000], [99_000, 100_000]))).toEqual(spans([50_000, 60_000]));
  });
});

describe("the scale", () => {
  it("gives a wait of three days as much room as a second", () => {
    const made = scale({ from: 0, to: 3 * DAY + 2_000 }, 600 + BREAK_WIDTH, spans([1_000, 3 * DAY + 1_000]));
    expect(made.segments.map(({ kind, x0, x1 }) => [kind, x0, x1])).toEqual([["time", 0, 300], ["break", 300, 300 + BREAK_WIDTH], ["time", 300 + BREAK_WIDTH, 600 + BREAK_WIDTH]]);
    expect(made.toX(500)).toBe(150);
    expect(made.toTime(300 + BREAK_WIDTH)).toBe(3 * DAY + 1_000);
  });

  it("has exact inverses, at any folding and zoom", () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const next = random(seed);
      const origin = 1_795_000_000_000 + Math.floor(next() * 1e9);
      const length = Math.floor(10 ** (1 + next() * 9));
      const edges = Array.from({ length: 2 * Math.floor(next() * 7) }, () => origin + Math.floor(next() * length)).sort((a, b) => a - b);
      const folded = union(edges.flatMap((from, index) => (index % 2 === 0 ? [{ from, to: edges[index + 1] as number }] : [])));
      const made = scale({ from: origin, to: origin + length }, 200 + next() * 2_000, folded);
      for (let probe = 0; probe < 30; probe += 1) {
        const time = origin + Math.floor(next() * length);
        expect(Math.round(made.toTime(made.toX(time))), `seed ${seed}`).toBe(time);
        const x = next() * made.width;
        // An instant is a double: at the closest zoom its last digit is a twentieth of a pixel.
        expect(Math.abs(made.toX(made.toTime(x)) - x), `seed ${seed}`).toBeLessThan(0.1);
      }
      const xs = Array.from({ length: 50 }, (_, index) => made.toX(origin + (length * index) / 49));
      expect(xs).toEqual([...xs].sort((a, b) => a - b));
      expect(made.toX(origin)).toBe(0);
      expect(made.toX(origin + length)).toBeCloseTo(made.width, 6);
    }
  });

  it("holds what lies outside at its ends", () => {
    const made = scale({ from: 1_000, to: 2_000 }, 100);
    expect([made.toX(0), made.toX(5_000), made.toTime(-5), made.toTime(500)]).toEqual([0, 100, 1_000, 2_000]);
  });

  it("leaves room for what happened however many breaks there are", () => {
    const folded = Array.from({ length: 50 }, (_, index) => ({ from: index * 1_000 + 100, to: index * 1_000 + 1_000 }));
    const made = scale({ from: 0, to: 50_000 }, 500, folded);
    expect(total(made.breaks.map(({ x0, x1 }) => ({ from: x0, to: x1 })))).toBeCloseTo(300, 6);
  });

  it("is there for a moment, and for nothing but a break", () => {
    expect(scale({ from: 5, to: 5 }, 100).toX(5)).toBe(0);
    const made = scale({ from: 0, to: DAY }, 480, spans([0, DAY]));
    expect(made.toX(DAY)).toBe(480);
    expect(ticks(made).ticks).toEqual([]);
  });
});

describe("ticks", () => {
  it("are round, apart, and never inside a break", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const next = random(seed);
      const length = Math.floor(10 ** (2 + next() * 8));
      const from = Math.floor(next() * length * 0.5);
      const folded = [{ from, to: from + Math.floor(length * 0.3) }];
      const made = scale({ from: 0, to: length }, 900, folded);
      const { ticks: found, stepMs } = ticks(made);
      for (const { time, x } of found) {
        expect(time % stepMs).toBe(0);
        const within = made.breaks.some((span) => time > span.from && time < span.to);
        expect(within, `seed ${seed}: ${time}`).toBe(false);
        expect(x).toBeGreaterThanOrEqual(0);
        expect(x).toBeLessThanOrEqual(900);
      }
      found.slice(1).forEach(({ x }, index) => expect(x - (found[index]?.x as number)).toBeGreaterThan(70));
    }
  });

  it("begin days at midnight of the zone", () => {
    const hour = 3_600_000;
    const { ticks: found, stepMs } = ticks(scale({ from: 0, to: 4 * DAY }, 500), 88, 2 * hour);
    expect(stepMs).toBe(DAY);
    expect(found.map(({ time }) => time)).toEqual([DAY - 2 * hour, 2 * DAY - 2 * hour, 3 * DAY - 2 * hour, 4 * DAY - 2 * hour]);
  });
});

describe("marks", () => {
  const attempts = (count: number, length: number): Attempt[] =>
    course(
      stepGraph({ id: "w", steps: [{ id: "a", action: "x" }] }),
      [{ seq: 1, timestamp: 0, type: "start" } as Short].concat(
        Array.from({ length: count }, (_, index): Short[] => [
          { seq: 2 + 2 * index, timestamp: index * 10, type: "step_start", stepId: "a", attempt: index + 1 },
          { seq: 3 + 2 * index, timestamp: index * 10 + length, type: index % 7 === 0 ? "step_fail" : "step_interrupted", stepId: "a", attempt: index + 1, data: { retryAt: 0 } },
        ]).flat(),
      ).map(entry),
    ).tracks[0]?.attempts ?? [];

  it("are one for each attempt while there are few", () => {
    const marks = marksOf(attempts(100, 1), scale({ from: 0, to: 1_000 }, 50), 1_000);
    expect(marks.map((mark) => mark.count)).toEqual(Array.from({ length: 100 }, () => 1));
  });

  it("of thousands fit the width, lose none, and show what failed", () => {
    const all = attempts(5_000, 4);
    const marks = marksOf(all, scale({ from: 0, to: 50_000 }, 600), 50_000);
    expect(marks.length).toBeLessThanOrEqual(600 / 3);
    expect(marks.reduce((sum, mark) => sum + mark.count, 0)).toBe(5_000);
    expect(marks.reduce((sum, mark) => sum + mark.failed, 0)).toBe(all.filter((attempt) => attempt.outcome === "failed").length);
    expect(marks.slice(1).every((mark, index) => mark.from >= (marks[index]?.to as number))).toBe(true);
  });
});
