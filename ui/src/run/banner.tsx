// The answer, on top of everything: what happened, what it waits for, what can be done.

import { memo, type ReactNode, useEffect, useRef } from "react";
import { now } from "../api/clock";
import { visible } from "../format/text";
import { exact, iso } from "../format/time";
import { type MarkKind, Mark } from "../parts/status";
import { keepTrue } from "../parts/time";
import { answer, type Answer, type AnswerFacts, type Part, sayMoment } from "./answer";

/** The mark of a whole execution: what needs a look counts more than that it goes on. */
export function markOfFacts(facts: AnswerFacts): MarkKind {
  if (facts.status !== "running" && facts.status !== "waiting" && facts.status !== "pending") return facts.status;
  if (facts.failure !== undefined) return "failed";
  const first = facts.reasons[0]?.kind;
  if (first === "worker") return "noWorker";
  if (first === "retry" || facts.reasons.some((reason) => reason.kind === "running" && (reason.failedAttempts ?? 0) > 0)) return "retrying";
  return facts.status;
}

interface BannerProps {
  facts: AnswerFacts;
  /** The moment of the past that is looked at: then no time goes on. */
  asOf: number | undefined;
  past: ReactNode;
  actions: ReactNode;
  onStep(step: string): void;
}

export function Banner({ facts, asOf, past, actions, onStep }: BannerProps) {
  const said: Answer = answer(facts);
  const mark = markOfFacts(facts);
  return (
    <section className="answer" data-mark={mark} data-past={past !== null || undefined} aria-label="What is going on">
      <Mark kind={mark} size={24} />
      <div className="answer-text">
        {past}
        <p className="answer-lead">
          <Sentence parts={said.lead} asOf={asOf} onStep={onStep} />
          {said.more > 0 && <span className="answer-more"> And {said.more} more.</span>}
        </p>
        {said.rest.length > 0 && (
          <p className="answer-rest">
            <Sentence parts={said.rest} asOf={asOf} onStep={onStep} />
          </p>
        )}
      </div>
      {actions}
    </section>
  );
}

interface SentenceProps {
  parts: readonly Part[];
  asOf: number | undefined;
  onStep(step: string): void;
}

function Sentence({ parts, asOf, onStep }: SentenceProps) {
  return parts.map((part, index) => <OnePart key={index} part={part} asOf={asOf} onStep={onStep} />);
}

function OnePart({ part, asOf, onStep }: Omit<SentenceProps, "parts"> & { part: Part }) {
  switch (part.kind) {
    case "text":
      return part.text;
    case "quote":
      return <bdi className="quote">{visible(part.text)}</bdi>;
    case "code":
      return (
        <code>
          <bdi>{visible(part.text)}</bdi>
        </code>
      );
    case "step":
      return (
        <button type="button" className="answer-step" onClick={() => onStep(part.id)}>
          <bdi>{visible(part.id)}</bdi>
        </button>
      );
    default:
      return <Moment kind={part.kind} at={part.at} asOf={asOf} />;
  }
}

interface MomentProps {
  kind: "until" | "when" | "for" | "ago" | "clock";
  at: number;
  asOf: number | undefined;
}

const Moment = memo(function Moment({ kind, at, asOf }: MomentProps) {
  const element = useRef<HTMLTimeElement>(null);
  useEffect(() => (element.current === null ? undefined : keepTrue(element.current, (moment) => sayMoment(kind, at, asOf ?? moment))), [kind, at, asOf]);
  return (
    <time ref={element} dateTime={iso(at)} title={exact(at)} className="num">
      {sayMoment(kind, at, asOf ?? now())}
    </time>
  );
});
