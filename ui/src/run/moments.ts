// An execution at any entry of its history: keyframes of the fold, and the entries after the nearest one. So that dragging the
// slider over 10,000 entries folds at most 250 of them a frame.

import { at, type StepGraph } from "../graph/steps";
import { apply, begin, copy, type Execution, type Phase, type StepRecord } from "./fold";
import type { HistoryEntry } from "./history";

export const ENTRIES_PER_KEYFRAME = 250;

/** What an entry made: replayed, it gives the very same records, so that "is it the same?" stays a comparison of references. */
interface Change {
  readonly phase: Phase;
  readonly retryCount: number;
  readonly steps: readonly (readonly [number, StepRecord])[];
}

export class Moments {
  readonly #graph: StepGraph;
  /** All from 1 on, in order. */
  readonly #entries: HistoryEntry[] = [];
  readonly #changes: Change[] = [];
  /** After 0, 250, 500 ... entries. */
  readonly #keyframes: Execution[];
  readonly #live: Execution;

  constructor(graph: StepGraph) {
    this.#graph = graph;
    this.#live = begin(graph);
    this.#keyframes = [copy(this.#live)];
  }

  get entries(): readonly HistoryEntry[] {
    return this.#entries;
  }

  /** After the newest entry. It changes with the next one; its step records do not. */
  get live(): Readonly<Execution> {
    return this.#live;
  }

  get lastSeq(): number {
    return this.#live.seq;
  }

  entry(seq: number): HistoryEntry | undefined {
    return this.#entries[seq - 1];
  }

  /** Takes the next entry; one that is here already is passed over. Throws `MissingEntries` at a gap. */
  push(entry: HistoryEntry): boolean {
    if (entry.seq <= this.#live.seq) return false;
    const live = this.#live;
    const before = entry.type === "retry" ? live.steps.slice() : undefined;
    const step = apply(this.#graph, live, entry);
    const changed = before === undefined ? (step === undefined ? [] : [step]) : live.steps.flatMap((record, index) => (record === before[index] ? [] : [index]));
    this.#changes.push({ phase: live.phase, retryCount: live.retryCount, steps: changed.map((index) => [index, at(live.steps, index)]) });
    this.#entries.push(entry);
    if (this.#entries.length % ENTRIES_PER_KEYFRAME === 0) this.#keyframes.push(copy(this.#live));
    return true;
  }

  /** The execution as it was after entry `seq`. */
  at(seq: number): Execution {
    const wanted = Math.max(0, Math.min(seq, this.#live.seq));
    if (wanted === this.#live.seq) return copy(this.#live);
    const keyframe = Math.floor(wanted / ENTRIES_PER_KEYFRAME);
    const execution = copy(at(this.#keyframes, keyframe));
    for (let index = keyframe * ENTRIES_PER_KEYFRAME; index < wanted; index += 1) replay(execution, at(this.#entries, index), at(this.#changes, index));
    return execution;
  }

  /** The newest entry that is not later than `time`; 1 when all are. Clocks may go back: the first that is later ends the search. */
  seqAt(time: number): number {
    let low = 1;
    let high = this.#entries.length;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const entry = this.#entries[middle - 1];
      if (entry !== undefined && entry.timestamp <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function replay(execution: Execution, entry: HistoryEntry, { phase, retryCount, steps }: Change): void {
  for (const [step, record] of steps) execution.steps[step] = record;
  if (entry.type === "step_complete" && steps[0] !== undefined) execution.completed.push(steps[0][0]);
  if (entry.type === "start") execution.startedAt = entry.timestamp;
  execution.phase = phase;
  execution.retryCount = retryCount;
  execution.seq = entry.seq;
  execution.updatedAt = entry.timestamp;
}
