// An attempt and a delay in words: what a bar is called, and what stands on the card over it.

import { duration } from "../format/duration";
import { oneLine, visible } from "../format/text";
import { clock, exact } from "../format/time";
import type { Attempt, Delay } from "../run/course";
import { span } from "./critical";
import type { AttemptMark } from "./marks";

/** `attempt 2, 14:02:13.100 to 14:02:14.200, 1.1 s, failed: Card declined`. */
export function markWords(mark: AttemptMark): string {
  const { attempt, count, failed, from, to } = mark;
  if (count > 1) return `${count} attempts up to ${attempt.number}, ${failed} failed, ${clock(from, "milliseconds")} to ${clock(to, "milliseconds")}`;
  const queued = attempt.startedAt - attempt.readyAt;
  return [
    `attempt ${attempt.number}`,
    `${clock(from, "milliseconds")} ${attempt.endedAt === undefined ? "until now" : `to ${clock(to, "milliseconds")}`}`,
    duration(to - from),
    ...(queued > 0 ? [`queued ${duration(queued)}`] : []),
    ...(attempt.session === undefined ? [] : [`worker ${visible(attempt.session)}`]),
    outcomeWords(attempt),
  ].join(", ");
}

export const outcomeWords = (attempt: Attempt): string => (attempt.failure === undefined ? attempt.outcome : `${attempt.outcome}: ${oneLine(attempt.failure.message, 160)}`);

export const delayWords = (delay: Delay): string => `${delay.kind === "timer" ? "wait" : "retry delay"} ${duration(delay.until - delay.from)}, until ${exact(delay.until)}`;

export interface CardLine {
  readonly name: string;
  readonly value: string;
}

/** What the card over a bar says, line by line. */
export function cardLines(mark: AttemptMark, now: number, startedAt: number): CardLine[] {
  const { attempt, count, failed } = mark;
  const { from, to } = count > 1 ? mark : span(attempt, now);
  const since = (time: number) => `${clock(time, "milliseconds")} · +${duration(time - startedAt)}`;
  const times: CardLine[] = [
    { name: "Start", value: since(from) },
    { name: "End", value: attempt.endedAt === undefined ? "goes on" : since(to) },
    { name: "Took", value: duration(to - from) },
  ];
  if (count > 1) return [...times, { name: "Attempts", value: `${count}, ${failed} failed` }];
  const queued = attempt.startedAt - attempt.readyAt;
  return [
    ...times,
    ...(queued > 0 ? [{ name: "In the queue", value: duration(queued) }] : []),
    ...(attempt.session === undefined ? [] : [{ name: "Worker", value: visible(attempt.session) }]),
    ...(attempt.failure === undefined ? [] : [{ name: "Error", value: oneLine(attempt.failure.message, 160) }]),
    ...(attempt.retryAt === undefined || attempt.endedAt === undefined ? [] : [{ name: "Again", value: `in ${duration(attempt.retryAt - attempt.endedAt)}` }]),
  ];
}
