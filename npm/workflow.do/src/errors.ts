/**
 * What a call rejects with, and what an action throws when trying again would not help.
 */

import type { Diagnostic } from './definition.js'

/** What a `WorkflowError` says besides its code and message. */
export interface WorkflowErrorDetails extends ErrorOptions {
  status?: number | undefined
  diagnostics?: Diagnostic[] | undefined
  retryAfter?: number | undefined
}

/**
 * Why a call was refused or could not be carried out. Programs look at `code`, people at `message`. The codes of the HTTP API are
 * listed in `docs/http-api.md`; besides them there are `closed` (the call came after `close()`), `unreachable` (nobody answers at
 * `url`), `invalid_answer` (what answers there is no workflow server), `cannot_serve` (the port is taken) and `addon_missing`.
 *
 * @example
 * try {
 *   await workflow.resume(id)
 * } catch (error) {
 *   if (error instanceof WorkflowError && error.code === 'invalid_state') console.log('it has ended already')
 *   else throw error
 * }
 */
export class WorkflowError extends Error {
  /** Stable: `invalid_definition`, `invalid_state`, `execution_not_found`, `closed` ... */
  readonly code: string
  /** The HTTP status that the code has, where it came from the engine. */
  readonly status?: number
  /** Of `invalid_definition`: everything that is wrong, each with the place it is about. */
  readonly diagnostics?: Diagnostic[]
  /** Of `overloaded` and `store_unavailable`: milliseconds after which it makes sense to try again. */
  readonly retryAfter?: number

  constructor(code: string, message: string, details: WorkflowErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.code = code
    if (details.status !== undefined) this.status = details.status
    if (details.diagnostics !== undefined) this.diagnostics = details.diagnostics
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter
  }

  static {
    // On the prototype, as with the errors of JavaScript itself: it is no field of each one.
    Object.defineProperty(WorkflowError.prototype, 'name', { value: 'WorkflowError', configurable: true, writable: true })
  }
}

/**
 * Thrown by an action: the step has failed, whatever retries it has left.
 *
 * Any other error with `retryable: false` does the same.
 *
 * @example
 * if (card.expired) throw new NonRetryableError('the card has expired', { code: 'card_expired' })
 */
export class NonRetryableError extends Error {
  readonly retryable = false
  /** What a step that handles the failure reads as `error.code`. */
  readonly code?: string

  constructor(message: string, options: ErrorOptions & { code?: string } = {}) {
    super(message, options)
    if (options.code !== undefined) this.code = options.code
  }

  static {
    Object.defineProperty(NonRetryableError.prototype, 'name', { value: 'NonRetryableError', configurable: true, writable: true })
  }
}
