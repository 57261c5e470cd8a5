// Moments and lengths that stay true by themselves: one timer writes the text of all that are on the page, without React.
import { type HTMLAttributes, memo, useEffect, useRef } from "react";
import { now } from "../api/clock";
import { duration, ticking } from "../format/duration";
import { ago, clock, exact, iso, until, when } from "../format/time";

interface Ticking {
  element: HTMLElement;
  text(now: number): string;
}

const ticked = new Set<Ticking>();
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  const moment = now();
  for (const one of ticked) write(one, moment);
}

function write({ element, text }: Ticking, moment: number): void {
  const shown = text(moment);
  if (element.textContent !== shown) element.textContent = shown;
}

/** Keeps the text of an element true, once a second while anything needs it. */
export function keepTrue(element: HTMLElement, text: (now: number) => string): () => void {
  const one = { element, text };
  ticked.add(one);
  write(one, now());
  timer ??= setInterval(tick, 1000);
  return () => {
    ticked.delete(one);
    if (ticked.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

function useKeptTrue<T extends HTMLElement>(text: (now: number) => string, on: readonly unknown[]) {
  const element = useRef<T>(null);
  // `on` names what the text is made of: the function itself is new with every render.
  useEffect(() => (element.current ? keepTrue(element.current, text) : undefined), on);
  return element;
}

interface TimeProps extends HTMLAttributes<HTMLTimeElement> {
  at: number;
}

function titleOf(at: number): string {
  return `${exact(at)}\n${at}`;
}

/** `2 min ago`, with the exact time and the zone on hover. */
export const Ago = memo(function Ago({ at, ...rest }: TimeProps) {
  const element = useKeptTrue<HTMLTimeElement>((moment) => ago(at, moment), [at]);
  return <time ref={element} dateTime={iso(at)} title={titleOf(at)} {...rest} />;
});

/** `in 38 s`. */
export const Until = memo(function Until({ at, ...rest }: TimeProps) {
  const element = useKeptTrue<HTMLTimeElement>((moment) => until(at, moment), [at]);
  return <time ref={element} dateTime={iso(at)} title={titleOf(at)} {...rest} />;
});

/** `Thu 14:00`, `tomorrow 14:02`. */
export const When = memo(function When({ at, ...rest }: TimeProps) {
  const element = useKeptTrue<HTMLTimeElement>((moment) => when(at, moment), [at]);
  return <time ref={element} dateTime={iso(at)} title={titleOf(at)} {...rest} />;
});

/** `14:02:11`, and with milliseconds `14:02:11.204`. */
export function Clock({ at, precision = "seconds", ...rest }: TimeProps & { precision?: "seconds" | "milliseconds" }) {
  return (
    <time className="exact" dateTime={iso(at)} title={titleOf(at)} {...rest}>
      {clock(at, precision)}
    </time>
  );
}

/** How long something took, or, without an end, has been taking. */
export const Took = memo(function Took({ from, to, ...rest }: HTMLAttributes<HTMLSpanElement> & { from: number; to?: number | undefined }) {
  const element = useKeptTrue<HTMLSpanElement>(
    (moment) => (to === undefined ? ticking(moment - from) : duration(to - from)),
    [from, to],
  );
  return <span ref={element} className="num" {...rest} />;
});
