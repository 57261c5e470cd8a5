// What is drawn of a row with very many attempts: those that would share a few pixels become one mark, so that a row never has
// more marks than its width has room for.

import type { Attempt } from "../run/course";
import { span } from "./critical";
import type { Scale } from "./scale";

/** Up to here each attempt has a bar of its own, however narrow. */
export const BARS_MAX = 150;
const MARK_MIN_PX = 4;

export interface AttemptMark {
  /** The one that is shown when it is chosen: the newest of them. */
  readonly attempt: Attempt;
  /** How many it stands for. */
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly failed: number;
}

export function marksOf(attempts: readonly Attempt[], scale: Scale, now: number): AttemptMark[] {
  const seen = attempts.filter((attempt) => {
    const { from, to } = span(attempt, now);
    return to >= scale.from && from <= scale.to;
  });
  const own = seen.length <= BARS_MAX;
  const marks: AttemptMark[] = [];
  for (const attempt of seen) {
    const { from, to } = span(attempt, now);
    const failed = attempt.outcome === "failed" ? 1 : 0;
    const last = marks.at(-1);
    if (!own && last !== undefined && scale.toX(to) - scale.toX(last.from) < MARK_MIN_PX) {
      marks[marks.length - 1] = { attempt, count: last.count + 1, from: last.from, to: Math.max(last.to, to), failed: last.failed + failed };
    } else {
      marks.push({ attempt, count: 1, from, to, failed });
    }
  }
  return marks;
}
