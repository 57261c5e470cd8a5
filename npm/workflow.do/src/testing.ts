/**
 * For tests of workflows: time that passes when it is told to.
 *
 * @example
 * const clock = new SimulatedClock()
 * const workflow = new Onboarding({ store: ':memory:', clock })
 * const { id } = await workflow.start('onboarding')
 * for await (const entry of workflow.stream(id)) if (entry.type === 'wait') break // its three days begin here
 * await clock.advance('3d')
 * const execution = await workflow.wait(id)
 */

import type { Clock } from './api.js'
import type { Bridge } from './bridge.js'
import { describe } from './client.js'
import { share } from './clock.js'
import type { Duration } from './definition.js'
import { WorkflowError } from './errors.js'
import { native } from './native.js'

/**
 * A clock for `new Workflow({ clock })`. Waits, retry delays and timeouts go by it. Several workflows may share one.
 *
 * Actions that wait themselves (`setTimeout`) go by the real one.
 */
export class SimulatedClock implements Clock {
  readonly #native
  readonly #bridges = new Set<Bridge>()

  /** @param start epoch milliseconds; 2027-01-15T08:00:00Z unless given, so that a test sees the same times whenever it runs */
  constructor(start?: number) {
    this.#native = new (native().Clock)(start === undefined ? undefined : instant(start))
    share(this, { native: this.#native, bridges: this.#bridges })
  }

  /** Epoch milliseconds. */
  now(): number {
    return this.#native.now()
  }

  /**
   * Lets time pass: `'3d'`, or milliseconds. Resolves when everything that fell due has been recorded and its actions have been
   * handed to the workflow; what comes of them is known after `wait(id)`.
   *
   * It is one leap: a wait that begins because another one ended begins at the end of it.
   */
  async advance(span: Duration | number): Promise<void> {
    if (typeof span === 'number' && (!Number.isFinite(span) || span < 0)) throw invalid(`the span is ${describe(span)}: expected milliseconds from 0`)
    try {
      this.#native.advance(typeof span === 'number' ? `${Math.round(span)}ms` : span)
    } catch (error) {
      throw invalid(error instanceof Error ? error.message : String(error))
    }
    await this.#quiet()
  }

  /** Sets the wall clock, forward or back, as a person or a time server would. Timeouts of attempts do not notice. */
  async setWall(time: number): Promise<void> {
    this.#native.setWall(instant(time))
    await this.#quiet()
  }

  async #quiet(): Promise<void> {
    await Promise.all([...this.#bridges].map(bridge => bridge.quiet()))
  }
}

function instant(time: number): number {
  if (typeof time === 'number' && Math.abs(time) <= 8.64e15) return Math.round(time)
  throw invalid(`the time is ${describe(time)}: expected epoch milliseconds, as \`Date.now()\` gives them`)
}

function invalid(message: string): WorkflowError {
  return new WorkflowError('invalid_request', message)
}
