// A row with more attempts than elements are good for: they are painted on a canvas. For keys and screen readers the row has one
// button, which steps through them.

import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { count } from "../format/text";
import type { Delay } from "../run/course";
import { resolved, useThemed } from "../theme/canvas";
import type { AttemptMark } from "./marks";
import type { Scale } from "./scale";
import { markWords } from "./words";

interface DenseProps {
  marks: readonly AttemptMark[];
  delays: readonly Delay[];
  label: string;
  scale: Scale;
  now: number;
  onChoose(attempt: number): void;
}

const BAR = { top: 8, height: 16, min: 3 };
const COLOURS = { completed: "--mark-completed", failed: "--mark-failed", running: "--mark-running", interrupted: "--mark-retrying", cancelled: "--mark-neutral" } as const;

export function Dense({ marks, delays, label, scale, now, onChoose }: DenseProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [place, setPlace] = useState<number>();
  const at = Math.min(place ?? marks.length - 1, marks.length - 1);
  const themed = useThemed();
  useEffect(() => {
    if (canvas.current !== null) paint(canvas.current, marks, delays, scale, now);
  }, [marks, delays, scale, now, themed]);
  const mark = marks[at];
  const total = marks.reduce((sum, one) => sum + one.count, 0);
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    setPlace(Math.max(0, Math.min(marks.length - 1, at + by)));
  };
  const nearest = (x: number): AttemptMark | undefined => {
    const far = (one: AttemptMark) => Math.max(scale.toX(one.from) - x, x - scale.toX(one.to), 0);
    return marks.reduce<AttemptMark | undefined>((best, one) => (best === undefined || far(one) <= far(best) ? one : best), undefined);
  };
  return (
    <button
      type="button"
      className="dense"
      aria-label={`${label}, ${count(total)} attempts${mark === undefined ? "" : `; ${markWords(mark)}`}. Arrow keys go through them`}
      onKeyDown={onKeyDown}
      onClick={(event) => {
        // By a key there is no place: then it is the one that was said.
        const chosen = event.detail === 0 ? mark : nearest(event.clientX - event.currentTarget.getBoundingClientRect().left);
        if (chosen !== undefined) onChoose(chosen.attempt.number);
      }}
    >
      <canvas ref={canvas} />
      {place !== undefined && mark !== undefined && <span className="dense-here" style={{ transform: `translateX(${scale.toX(mark.from)}px)` }} />}
    </button>
  );
}

function paint(canvas: HTMLCanvasElement, marks: readonly AttemptMark[], delays: readonly Delay[], scale: Scale, now: number): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  const density = devicePixelRatio;
  if (width === 0) return;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.scale(density, density);
  const colours = resolved(canvas, [...Object.values(COLOURS), "--mark-waiting"]);
  context.lineWidth = 1.5;
  for (const delay of delays) {
    const [x0, x1] = [scale.toX(delay.from), scale.toX(delay.endedAt ?? Math.max(now, delay.from))];
    if (x1 - x0 < BAR.min) continue;
    context.strokeStyle = colours.get(delay.kind === "timer" ? "--mark-waiting" : "--mark-retrying") ?? "grey";
    context.setLineDash(delay.kind === "timer" ? [] : [4, 3]);
    context.beginPath();
    context.moveTo(x0, BAR.top + BAR.height / 2);
    context.lineTo(x1, BAR.top + BAR.height / 2);
    context.stroke();
  }
  for (const { attempt, from, to, failed } of marks) {
    const x = scale.toX(from);
    context.fillStyle = colours.get(COLOURS[failed > 0 ? "failed" : attempt.outcome]) ?? "grey";
    context.fillRect(x, BAR.top, Math.max(BAR.min - 0.5, scale.toX(to) - x), BAR.height);
  }
}
