// The critical path: backwards from the end, at each step the one before it that ended last. What is on it made the execution as
// long as it was.

import { at, type StepGraph } from "../graph/steps";
import type { Attempt, Course } from "../run/course";
import { total, union } from "./scale";

export interface CriticalPath {
  /** From the first to the last. */
  readonly steps: readonly number[];
  /** In which attempts of its steps ran. */
  readonly busyMs: number;
  /** The step that ran longest, and its share of the time in which anything ran. */
  readonly longest: { readonly step: number; readonly share: number } | undefined;
}

export const NO_PATH: CriticalPath = { steps: [], busyMs: 0, longest: undefined };

export function criticalPath(graph: StepGraph, course: Course, now: number): CriticalPath {
  const last = endOfPath(graph, course, now);
  if (last === undefined) return NO_PATH;
  const steps = [last];
  for (let step: number | undefined = last; step !== undefined; ) {
    const before = previous(graph, course, step);
    if (before !== undefined) steps.push(before);
    step = before;
  }
  steps.reverse();
  const ran = (step: number) => total(union(at(course.tracks, step).attempts.map((attempt) => span(attempt, now))));
  const busyMs = total(union(steps.flatMap((step) => at(course.tracks, step).attempts.map((attempt) => span(attempt, now)))));
  const all = total(union(course.tracks.flatMap((track) => track.attempts.map((attempt) => span(attempt, now)))));
  const longest = steps.reduce((longest, step) => (ran(step) > ran(longest) ? step : longest), last);
  const ranAtAll = course.tracks.filter((track) => track.attempts.length > 0).length;
  return { steps: steps.length < ranAtAll ? steps : [], busyMs, longest: all > 0 ? { step: longest, share: Math.min(1, ran(longest) / all) } : undefined };
}

export const span = (attempt: Attempt, now: number) => ({ from: attempt.startedAt, to: Math.max(attempt.startedAt, attempt.endedAt ?? now) });

/** The step that ended last; while the execution goes on, of those under way the one that began first. */
function endOfPath(graph: StepGraph, course: Course, now: number): number | undefined {
  let best: { step: number; key: number } | undefined;
  const open = course.endedAt === undefined;
  for (const step of graph.order) {
    const track = at(course.tracks, step);
    const first = track.attempts[0];
    if (first === undefined) continue;
    const underWay = open && track.endedAt === undefined;
    const key = underWay ? 2 * now - first.startedAt : (track.endedAt ?? first.startedAt);
    if (best === undefined || key >= best.key) best = { step, key };
  }
  return best?.step;
}

function previous(graph: StepGraph, course: Course, step: number): number | undefined {
  const { dependsOn, namedBy } = at(graph.steps, step);
  const branched = namedBy.filter((other) => at(course.tracks, other).attempts.at(-1)?.then === "branch");
  let best: { step: number; endedAt: number } | undefined;
  for (const other of [...dependsOn, ...branched]) {
    const track = at(course.tracks, other);
    if (track.endedAt === undefined || track.attempts.length === 0) continue;
    if (best === undefined || track.endedAt > best.endedAt) best = { step: other, endedAt: track.endedAt };
  }
  return best?.step;
}
