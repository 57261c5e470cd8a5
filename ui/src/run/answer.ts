// The answer: one or two sentences that say what happened to an execution, what it waits for, and what is done. From facts alone;
// `testdata/answers` holds facts and sentences, which the command line says too. Moments stay moments here, so that whoever shows
// the sentence can keep them true.

import { duration, ticking } from "../format/duration";
import { until as untilText, when } from "../format/time";
import type { Status } from "./history";
import type { Reason } from "./reasons";

export interface AnswerFacts {
  readonly status: Status;
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
  readonly reasons: readonly Reason[];
  /** How many steps there are. */
  readonly total: number;
  /** Steps by what became of them, in the order of the graph. */
  readonly completed: readonly string[];
  readonly skipped: readonly { stepId: string; cause: string; expression?: string | undefined }[];
  /** Steps that ended without having run because the execution did. */
  readonly cancelled: readonly string[];
  /** Failures that the definition handles. */
  readonly handled: readonly { stepId: string; error: string; how: "continued" | "branched"; target?: string | undefined; workflow?: string | undefined }[];
  /** The failure that it ended with or is going to end with. */
  readonly failure?: { readonly stepId?: string | undefined; readonly error: string; readonly attempts: number } | undefined;
  /** Steps that did not run. */
  readonly notYet: readonly string[];
  /** Of those, the ones that come after the step of the first reason. */
  readonly waitingForFirst: readonly string[];
  /** Steps that would begin next. */
  readonly next: readonly string[];
  readonly cancelledBy?: string | undefined;
}

export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "step"; readonly id: string }
  /** A name from a definition: an action, an expression, a workflow. */
  | { readonly kind: "code"; readonly text: string }
  /** What somebody else wrote: an error's message. */
  | { readonly kind: "quote"; readonly text: string }
  | { readonly kind: "until" | "when" | "for" | "ago" | "clock"; readonly at: number };

export interface Answer {
  readonly lead: readonly Part[];
  readonly rest: readonly Part[];
  /** So many reasons more. */
  readonly more: number;
}

type Piece = string | Part;

const step = (id: string): Part => ({ kind: "step", id });
const code = (text: string): Part => ({ kind: "code", text });
const quote = (text: string): Part => ({ kind: "quote", text: firstLine(text) });

const parts = (...pieces: (Piece | Piece[])[]): Part[] => pieces.flat().map((piece) => (typeof piece === "string" ? { kind: "text", text: piece } : piece));

const ERROR_MAX = 160;
/** So many names at most are listed in a sentence. */
const NAMES_MAX = 3;

function firstLine(text: string): string {
  const line = (text.split(/\r?\n/, 1)[0] ?? "").trim();
  const characters = Array.from(line);
  return characters.length > ERROR_MAX ? `${characters.slice(0, ERROR_MAX - 1).join("")}…` : line;
}

/** A message as the end of a sentence: with one full stop. */
const ended = (text: string): Piece[] => (/[.!?…]$/.test(firstLine(text)) ? [quote(text)] : [quote(text), "."]);

/** `a`, `b` and 3 more. */
function names(ids: readonly string[]): Piece[] {
  const more = ids.length - NAMES_MAX;
  const shown = more > 1 ? ids.slice(0, NAMES_MAX) : ids;
  return shown.flatMap((id, index): Piece[] => {
    const last = index === shown.length - 1;
    if (index === 0) return [step(id), ...(more > 1 && last ? [` and ${more} more`] : [])];
    if (more > 1) return [", ", step(id), ...(last ? [` and ${more} more`] : [])];
    return [last ? " and " : ", ", step(id)];
  });
}

const isAre = (ids: readonly unknown[]): string => (ids.length === 1 ? "is" : "are");
const times = (count: number): string => (count === 1 ? "once" : count === 2 ? "twice" : `${count} times`);
const steps = (count: number): string => `${count} ${count === 1 ? "step" : "steps"}`;

export function answer(facts: AnswerFacts): Answer {
  const none = { rest: [], more: 0 };
  switch (facts.status) {
    case "completed":
      return { lead: completed(facts), rest: handledRest(facts), more: 0 };
    case "failed":
      return { lead: failed(facts), rest: parts(...didNotRun(facts)), more: 0 };
    case "cancelled":
      return { ...none, ...cancelled(facts) };
    case "pending":
      if (!facts.reasons.some((reason) => reason.kind === "worker" || reason.kind === "limit")) {
        return { ...none, lead: parts("Accepted ", { kind: "ago", at: facts.startedAt }, ". Nothing has begun yet.") };
      }
      return underWay(facts);
    case "paused":
      return paused(facts);
    default:
      return underWay(facts);
  }
}

function completed(facts: AnswerFacts): Part[] {
  const took = `Completed in ${duration((facts.endedAt ?? facts.startedAt) - facts.startedAt)}.`;
  const branched = facts.handled.filter((one) => one.how === "branched" && one.target !== undefined);
  const [first] = branched;
  if (first?.target !== undefined) {
    return parts("Completed by its error branch: ", step(first.stepId), " failed (", quote(first.error), "), ", step(first.target), " ran.");
  }
  const ran = facts.completed.length;
  // Handlers that nothing branched to are no news.
  const skipped = facts.skipped.filter((one) => one.cause !== "notBranchedTo");
  if (skipped.length === 0) {
    if (ran === facts.total) return parts(took, ran === 1 ? " Its step ran." : ` All ${steps(ran)} ran.`);
    return parts(took, ` ${steps(ran)} ran.`);
  }
  const [only] = skipped;
  if (skipped.length === 1 && only !== undefined) {
    const why: Piece[] = only.expression === undefined ? [" was skipped."] : [" was skipped because ", code(only.expression), " was false."];
    return parts(took, ` ${steps(ran)} ran, `, step(only.stepId), why);
  }
  return parts(took, ` ${steps(ran)} ran; `, names(skipped.map((one) => one.stepId)), " were skipped.");
}

/** What else failed and was handled; the branch that is in the lead is not said twice. */
function handledRest(facts: AnswerFacts): Part[] {
  const inLead = facts.handled.find((one) => one.how === "branched" && one.target !== undefined);
  return facts.handled
    .filter((one) => one !== inLead)
    .slice(0, 2)
    .flatMap((one, index) => {
      const space = index === 0 ? "" : " ";
      if (one.how === "continued") return parts(space, step(one.stepId), " failed and it went on: ", ended(one.error));
      if (one.workflow !== undefined) return parts(space, step(one.stepId), " failed (", quote(one.error), "), which started ", code(one.workflow), ".");
      return parts(space, step(one.stepId), " failed as well: ", ended(one.error));
    });
}

function failed(facts: AnswerFacts): Part[] {
  const { failure } = facts;
  if (failure === undefined) return parts("It failed.");
  if (failure.stepId === undefined) return parts("It failed: ", ended(failure.error));
  const attempts = failure.attempts > 1 ? ` after ${failure.attempts} attempts` : "";
  return parts(step(failure.stepId), ` failed${attempts}: `, ended(failure.error));
}

function didNotRun(facts: AnswerFacts): Piece[] {
  const left = [...facts.cancelled, ...facts.notYet];
  return left.length === 0 ? [] : [...names(left), " did not run."];
}

function cancelled(facts: AnswerFacts): Pick<Answer, "lead" | "rest"> {
  const by: Piece[] = facts.cancelledBy === undefined ? [] : [" by ", { kind: "code", text: facts.cancelledBy }];
  const lead = parts("Cancelled", by, " at ", { kind: "clock", at: facts.endedAt ?? facts.startedAt }, ".");
  if (facts.cancelled.length === 0) return { lead, rest: [] };
  const [one] = facts.cancelled;
  const it = facts.cancelled.length === 1 && one !== undefined ? [step(one), " was told to stop; a late result will be ignored."] : [...names(facts.cancelled), " were told to stop; late results will be ignored."];
  return { lead, rest: parts(it) };
}

function paused(facts: AnswerFacts): Answer {
  const running = facts.reasons.filter((reason) => reason.kind === "running").flatMap((reason) => reason.stepId ?? []);
  if (running.length > 0) {
    const allowed = running.length === 1 ? " still running and is allowed to finish." : " still running and are allowed to finish.";
    return { lead: parts("Pausing. ", names(running), ` ${isAre(running)}`, allowed), rest: [], more: 0 };
  }
  const reason = facts.reasons.find((reason) => reason.kind === "paused");
  const by: Piece[] = reason?.by === undefined ? [] : [" by ", code(reason.by)];
  const since: Piece[] = reason?.since === undefined ? [] : [" ", { kind: "ago", at: reason.since }];
  const lead = parts("Paused", by, since, ".");
  const next: Piece[] = facts.next.length === 0 ? ["Timers keep their due time."] : [...names(facts.next), ` ${isAre(facts.next)} next after Resume; timers keep their due time.`];
  return { lead, rest: parts(next), more: 0 };
}

function underWay(facts: AnswerFacts): Answer {
  if (facts.failure !== undefined) return failing(facts, facts.failure);
  const [first, ...others] = facts.reasons;
  if (first === undefined) return { lead: parts(`${steps(facts.completed.length)} of ${facts.total} are done.`), rest: [], more: 0 };
  const alike = first.kind === "running" && !first.slow && !first.interrupted ? others.filter((reason) => reason.kind === "running" && !reason.slow) : [];
  const lead = alike.length > 0 ? together([first, ...alike]) : lead1(first);
  return { lead, rest: parts(progress(facts, first)), more: others.length - alike.length };
}

function failing(facts: AnswerFacts, failure: NonNullable<AnswerFacts["failure"]>): Answer {
  const running = facts.reasons.filter((reason) => reason.kind === "running").flatMap((reason) => reason.stepId ?? []);
  const rest: Piece[] = running.length === 0 ? [] : ["The execution fails as soon as ", ...names(running), running.length === 1 ? " has ended." : " have ended."];
  const who: Piece[] = failure.stepId === undefined ? ["It failed: "] : [step(failure.stepId), " failed: "];
  return { lead: parts(who, ended(failure.error)), rest: parts(rest), more: 0 };
}

function together(running: readonly Reason[]): Part[] {
  return parts(names(running.flatMap((reason) => reason.stepId ?? [])), " are running.");
}

function lead1(reason: Reason): Part[] {
  const who: Piece = reason.stepId === undefined ? "It" : step(reason.stepId);
  const since: Part = { kind: "for", at: reason.since ?? 0 };
  switch (reason.kind) {
    case "retry": {
      const error: Piece[] = reason.error === undefined ? [] : [" (“", quote(reason.error), "”)"];
      const which = reason.maxAttempts === undefined ? `attempt ${reason.attempt ?? "?"}` : `attempt ${reason.attempt ?? "?"} of ${reason.maxAttempts}`;
      return parts(who, ` failed ${times(reason.failedAttempts ?? Math.max(1, (reason.attempt ?? 2) - 1))}`, error, " and is tried again ", { kind: "until", at: reason.until ?? 0 }, `, ${which}.`);
    }
    case "timer":
      return parts(who, " holds until ", { kind: "when", at: reason.until ?? 0 }, ", ", { kind: "until", at: reason.until ?? 0 }, ".");
    case "worker":
      return parts("No worker provides ", code(reason.action ?? "?"), ". ", who, " has been waiting for one for ", since, ".");
    case "limit":
      return parts("All workers for ", code(reason.action ?? "?"), " are busy. ", who, " has been waiting for a free one for ", since, ".");
    case "ready":
      return parts(who, " waits for a free worker for ", code(reason.action ?? "?"), ", for ", since, " so far.");
    case "running":
      return running(reason, who, since);
    default:
      return parts(who, " waits.");
  }
}

function running(reason: Reason, who: Piece, since: Part): Part[] {
  if (reason.interrupted) return parts("The worker running ", who, " was lost. It is running again; this does not count as a retry.");
  if (reason.slow && reason.p95Ms !== undefined) return parts(who, " has been running for ", since, `; 95 of 100 take less than ${duration(reason.p95Ms)}.`);
  const failed = reason.failedAttempts ?? 0;
  if (failed > 0) {
    const error: Piece[] = reason.error === undefined ? [] : [" (“", quote(reason.error), "”)"];
    const of = reason.maxAttempts === undefined ? "" : ` of ${reason.maxAttempts}`;
    return parts(who, ` failed ${times(failed)}`, error, ` and is being tried again: attempt ${failed + 1}${of}, for `, since, ".");
  }
  return parts(who, " has been running for ", since, ".");
}

/** What is done and what waits for the step of the lead. */
function progress(facts: AnswerFacts, first: Reason): Piece[] {
  const done = facts.completed;
  const few = done.length > 0 && done.length <= NAMES_MAX;
  const left: Piece[] = few ? [...names(done), ` ${isAre(done)} done`] : done.length > 0 ? [`${done.length} of ${facts.total} steps are done`] : [];
  const waits = facts.waitingForFirst;
  const right: Piece[] =
    waits.length === 0 || first.stepId === undefined
      ? []
      : waits.length <= NAMES_MAX
        ? [...names(waits), waits.length === 1 ? " waits for " : " wait for ", step(first.stepId)]
        : [`${waits.length} steps wait for `, step(first.stepId)];
  if (left.length === 0 && right.length === 0) return [];
  return [...left, ...(left.length > 0 && right.length > 0 ? ["; "] : []), ...right, "."];
}

/** A sentence as text, as it is at `now`. */
export function say(sentence: readonly Part[], now: number): string {
  return sentence.map((part) => sayPart(part, now)).join("");
}

function sayPart(part: Part, now: number): string {
  switch (part.kind) {
    case "text":
    case "quote":
      return part.text;
    case "step":
      return `\`${part.id}\``;
    case "code":
      return `\`${part.text}\``;
    default:
      return sayMoment(part.kind, part.at, now);
  }
}

export function sayMoment(kind: "until" | "when" | "for" | "ago" | "clock", at: number, now: number): string {
  switch (kind) {
    case "until":
      return untilText(at, now);
    case "for":
      return ticking(now - at);
    case "ago":
      return `${now - at < 1_000 ? duration(now - at) : ticking(now - at)} ago`;
    default:
      return when(at, now);
  }
}
