// A line under the pointer with the exact time, and a card for the attempt that it is on. Drawn outside of React's rows: a move of
// the pointer renders this and nothing else.

import { type RefObject, useEffect, useState } from "react";
import { duration } from "../format/duration";
import { visible } from "../format/text";
import { clock } from "../format/time";
import { at } from "../graph/steps";
import { Mark } from "../parts/status";
import { useOpen } from "../run/hooks";
import { type AttemptMark, marksOf } from "./marks";
import type { Scale } from "./scale";
import { cardLines } from "./words";

interface CrosshairProps {
  frame: RefObject<HTMLDivElement | null>;
  scale: Scale;
  now: number;
  order: readonly number[];
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly time: number;
  readonly step: number | undefined;
  readonly width: number;
  readonly height: number;
}

/** So near to a bar counts as on it: many are narrower than a finger. */
const NEAR_PX = 5;
const CARD = { width: 300, height: 190, gap: 14 };

export function Crosshair({ frame, scale, now }: CrosshairProps) {
  const open = useOpen();
  const place = usePlace(frame, scale);
  if (place === undefined) return null;
  const mark = place.step === undefined ? undefined : markAt(place, scale, now, at(open.course.tracks, place.step).attempts);
  const step = place.step === undefined ? undefined : at(open.graph.steps, place.step);
  const left = place.x + CARD.gap + CARD.width > place.width ? place.x - CARD.gap - CARD.width : place.x + CARD.gap;
  const top = Math.max(4, Math.min(place.y + CARD.gap, place.height - CARD.height));
  return (
    <div className="crosshair" aria-hidden="true">
      <span className="crosshair-line" style={{ transform: `translateX(${place.x}px)` }} />
      <span className="crosshair-time num" style={{ transform: `translateX(${Math.min(place.x + 4, place.width - 190)}px)` }}>
        {clock(place.time, "milliseconds")} · +{duration(place.time - open.course.startedAt)}
      </span>
      {mark !== undefined && step !== undefined && (
        <div className="bar-card" style={{ transform: `translate(${Math.max(4, left)}px, ${top}px)`, width: CARD.width }}>
          <p className="bar-card-head">
            <Mark kind={OUTCOME_MARK[mark.attempt.outcome]} size={14} />
            <bdi className="cut">{visible(step.label)}</bdi>
            <span className="meta">{mark.count > 1 ? `up to attempt ${mark.attempt.number}` : `attempt ${mark.attempt.number} of ${Math.max(step.attemptsMax, mark.attempt.number)}`}</span>
          </p>
          <dl className="bar-card-lines">
            {cardLines(mark, now, open.course.startedAt).map(({ name, value }) => (
              <div key={name} data-line={name}>
                <dt>{name}</dt>
                <dd>
                  <bdi>{value}</bdi>
                </dd>
              </div>
            ))}
          </dl>
        </div>
      )}
    </div>
  );
}

const OUTCOME_MARK = { running: "running", completed: "completed", failed: "failed", interrupted: "noWorker", cancelled: "cancelled" } as const;

function markAt({ x }: Place, scale: Scale, now: number, attempts: Parameters<typeof marksOf>[0]): AttemptMark | undefined {
  let best: { mark: AttemptMark; far: number } | undefined;
  for (const mark of marksOf(attempts, scale, now)) {
    const far = Math.max(scale.toX(mark.from) - x, x - scale.toX(mark.to), 0);
    if (far <= NEAR_PX && (best === undefined || far <= best.far)) best = { mark, far };
  }
  return best?.mark;
}

/** Where the pointer is over the bars, once a frame. A finger has no hover: there a tap chooses, and the inspector says it all. */
function usePlace(frame: RefObject<HTMLDivElement | null>, scale: Scale): Place | undefined {
  const [place, setPlace] = useState<Place>();
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    let asked = 0;
    const onMove = (event: PointerEvent) => {
      if (event.pointerType === "touch") return;
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(() => {
        const box = element.getBoundingClientRect();
        const axis = element.querySelector(".timeline-axis")?.getBoundingClientRect();
        if (axis === undefined || event.clientX < axis.left) return setPlace(undefined);
        const row = (event.target as Element).closest<HTMLElement>("[data-row]");
        const x = event.clientX - axis.left;
        setPlace({ x, y: event.clientY - box.top, time: scale.toTime(x), step: row === null ? undefined : Number(row.dataset["row"]), width: axis.width, height: box.height });
      });
    };
    const onLeave = () => {
      cancelAnimationFrame(asked);
      setPlace(undefined);
    };
    element.addEventListener("pointermove", onMove);
    element.addEventListener("pointerleave", onLeave);
    return () => {
      cancelAnimationFrame(asked);
      element.removeEventListener("pointermove", onMove);
      element.removeEventListener("pointerleave", onLeave);
    };
  }, [frame, scale]);
  return place;
}
