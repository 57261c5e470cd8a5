/**
 * Which simulated clocks there are, and which engines go by them. What users see of it is `testing.ts`.
 */

import type { Bridge } from './bridge.js'
import type { NativeClock } from './native.js'

export interface SharedClock {
  native: NativeClock
  /** The engines that go by it. */
  bridges: Set<Bridge>
}

const clocks = new WeakMap<object, SharedClock>()

/** What is behind a clock that a workflow was given. */
export function clockOf(clock: unknown): SharedClock | undefined {
  return typeof clock === 'object' && clock !== null ? clocks.get(clock) : undefined
}

export function share(clock: object, shared: SharedClock): void {
  clocks.set(clock, shared)
}
