// The execution that is open: its history, folded, live or at a moment of the past, outside of React. Whoever draws a step
// subscribes to that step, so that an event renders one node.

import { at, type StepGraph } from "../graph/steps";
import { Course } from "./course";
import { begin, type Execution, MissingEntries } from "./fold";
import type { HistoryEntry } from "./history";
import { type Look, looks } from "./looks";
import { Moments } from "./moments";
import type { Reason } from "./reasons";

type Listener = () => void;

/** A snapshot: a new one whenever anything of it has changed. */
export interface Shown {
  /** Whether it is made of the whole history; until then it is what the head says. */
  readonly whole: boolean;
  readonly execution: Readonly<Execution>;
  readonly looks: readonly Look[];
  /** The entry that is looked at; none while it follows what happens. */
  readonly seq: number | undefined;
  /** Of the newest entry; 0 until the history has been read. */
  readonly lastSeq: number;
  /** What the server knows besides; only of the present. */
  readonly known: readonly Reason[];
}

/** Drawing so many steps takes a few milliseconds. */
const TOLD_AT_ONCE = 48;

export class LiveExecution {
  readonly graph: StepGraph;
  readonly moments: Moments;
  readonly course: Course;
  #shown: Shown;
  #seq: number | undefined;
  #known: readonly Reason[] = [];
  #selected: string | undefined;
  #whole = false;
  #head: Execution;
  readonly #listeners = new Set<Listener>();
  readonly #ofStep = new Map<number, Set<Listener>>();
  readonly #ofSelection = new Set<Listener>();
  /** Steps that have changed and were not told of yet. */
  readonly #later = new Set<number>();
  #telling = false;

  constructor(graph: StepGraph) {
    this.graph = graph;
    this.moments = new Moments(graph);
    this.course = new Course(graph);
    this.#head = begin(graph);
    const execution = this.#head;
    this.#shown = { whole: false, execution, looks: looks(graph, execution, []), seq: undefined, lastSeq: 0, known: [] };
  }

  readonly shown = (): Shown => this.#shown;

  look(step: number): Look {
    return at(this.#shown.looks, step);
  }

  readonly watch = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  watchSteps(steps: readonly number[], listener: Listener): () => void {
    for (const step of steps) {
      const listeners = this.#ofStep.get(step);
      if (listeners === undefined) this.#ofStep.set(step, new Set([listener]));
      else listeners.add(listener);
    }
    return () => {
      for (const step of steps) this.#ofStep.get(step)?.delete(listener);
    };
  }

  /** What is shown until the history has been read. */
  begin(head: Execution): void {
    this.#head = head;
    if (!this.#whole) this.#update();
  }

  /** The history has been read: from here on it is the truth. */
  hasWhole(): void {
    this.#whole = true;
    this.#update();
  }

  /**
   * Takes entries. False when some are missing before them: then the history has to be read on from `lastSeq`. Before the whole is
   * there nothing is drawn of them: a first half says what is not so any more.
   */
  take(entries: readonly HistoryEntry[]): boolean {
    let whole = true;
    try {
      for (const entry of entries) if (this.moments.push(entry)) this.course.push(entry);
    } catch (error) {
      if (!(error instanceof MissingEntries)) throw error;
      whole = false;
    }
    if (this.#whole) this.#update();
    return whole;
  }

  get lastSeq(): number {
    return this.moments.lastSeq;
  }

  know(reasons: readonly Reason[]): void {
    if (reasons === this.#known) return;
    this.#known = reasons;
    this.#update();
  }

  /** Looks at the moment after an entry; `undefined` goes live. */
  lookAt(seq: number | undefined): void {
    if (seq === this.#seq) return;
    this.#seq = seq;
    this.#update();
  }

  select(step: string | undefined): void {
    if (step === this.#selected) return;
    this.#selected = step;
    for (const listener of [...this.#ofSelection]) listener();
  }

  readonly selected = (): string | undefined => this.#selected;

  readonly watchSelected = (listener: Listener): (() => void) => {
    this.#ofSelection.add(listener);
    return () => this.#ofSelection.delete(listener);
  };

  /** Those who draw a step hear of it; of hundreds that change at once some in this frame, the others in the next ones. */
  #tell(steps: readonly number[]): void {
    for (const step of steps.slice(0, TOLD_AT_ONCE)) {
      this.#later.delete(step);
      for (const listener of [...(this.#ofStep.get(step) ?? [])]) listener();
    }
    for (const step of steps.slice(TOLD_AT_ONCE)) this.#later.add(step);
    if (this.#later.size === 0 || this.#telling) return;
    this.#telling = true;
    requestAnimationFrame(() => {
      this.#telling = false;
      this.#tell([...this.#later]);
    });
  }

  #update(): void {
    const { moments, graph } = this;
    const before = this.#shown;
    const lastSeq = this.#whole ? moments.lastSeq : 0;
    const seq = this.#seq === undefined || !this.#whole ? undefined : Math.min(Math.max(1, this.#seq), Math.max(1, lastSeq));
    const execution = this.#whole ? moments.at(seq ?? lastSeq) : this.#head;
    const known = seq === undefined ? this.#known : [];
    const next = looks(graph, execution, known, seq === undefined ? undefined : execution.updatedAt, before.looks);
    this.#shown = { whole: this.#whole, execution, looks: next, seq, lastSeq, known };
    this.#tell(next.flatMap((look, step) => (look === before.looks[step] ? [] : [step])));
    for (const listener of [...this.#listeners]) listener();
  }
}
