/**
 * The engine, as the addon has it. `addon.ts` finds it.
 */

import { loadAddon } from './addon.js'
import { WorkflowError } from './errors.js'

/** What the addon exports. Texts are JSON; `bridge.ts` knows what is in them. */
export interface Native {
  Bridge: new (
    options: string,
    clock: NativeClock | null,
    deliver: (messages: string, bytes: Buffer, long: LongTexts[]) => void
  ) => NativeBridge
  Clock: new (wall?: number) => NativeClock
  /** The length of a duration such as `1h 30m`. */
  milliseconds(span: string): number
  /** A text that was too long to be sent before somebody looks at it; `null` when there is none of this name. */
  textOf(long: LongTexts, name: string): string | null
  /** Runs one command line to its end and answers its exit code. The first argument is the program's name for its help. */
  runCommandLine(args: string[]): number
}

export interface NativeBridge {
  /** With the long outputs that the messages refer to. */
  send(messages: string, beside: string[]): void
}

declare const long: unique symbol

/** Texts that the addon keeps for as long as somebody holds this. */
export interface LongTexts {
  [long]: true
}

export interface NativeClock {
  now(): number
  advance(span: string): void
  setWall(wall: number): void
}

let loaded: Native | undefined

/** Loads it, once in a process. */
export function native(): Native {
  loaded ??= load()
  return loaded
}

function load(): Native {
  try {
    return loadAddon() as Native
  } catch (error) {
    throw new WorkflowError('addon_missing', error instanceof Error ? error.message : String(error), { cause: error })
  }
}
