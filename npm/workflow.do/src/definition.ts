/**
 * What a workflow is: the definition that `register` takes and that the engine gives back.
 *
 * Only shapes. What infers step ids from them is `define.ts`.
 */

/**
 * A time span as text: `500ms`, `30s`, `1m`, `48h`, `3d`, `2w`, compounds such as `1h 30m`, or ISO 8601 (`P3D`, `PT1M`).
 * `m` is minutes and a day is 24 hours.
 */
export type Duration = string

/**
 * What happens once a step has failed for good:
 *
 * - `fail` (default): the execution fails.
 * - `continue`: the step is recorded as failed, and what depends on it goes on.
 * - `retry`: as `fail`, but `maxRetries` is 3 unless given.
 * - `branch`: the execution goes on with the step (or workflow) that `errorBranch` names.
 */
export type OnError = 'fail' | 'continue' | 'retry' | 'branch'

/**
 * One step of a workflow.
 *
 * @example
 * { id: 'charge', action: 'chargeCard', dependsOn: ['reserve'], maxRetries: 3, backoff: 'exponential' }
 */
export interface WorkflowStep<StepId extends string = string> {
  /** Letters, digits, `_` and `-`, at most 128. Other steps, expressions and results call the step by it. */
  id: StepId
  /** For people. */
  name?: string
  /**
   * What is run: a method of the class (`'chargeCard'`), a method of a binding of `env` (`'Email.send'` is `env.Email.send`), an
   * action of an endpoint or of another worker, or `'noop'`, which does nothing.
   */
  action: string
  /**
   * Added to the input and given to the action as its first argument. A string `'$.validate.total'` is replaced by that path of
   * the state, and `'${score.risk * 100}'` by an expression's value.
   */
  params?: Record<string, unknown>
  /** Steps that have to end first. Steps that do not depend on each other run at the same time. */
  dependsOn?: NoInfer<StepId>[]
  /**
   * A JavaScript expression over input, context and the outputs of the steps before this one. If it is false, the step is skipped.
   *
   * @example 'score.risk < 0.3'
   */
  condition?: string
  /** How long to wait, on disk, before the action runs: `'3d'`. */
  wait?: Duration
  /** What happens once the step has failed for good; `'fail'` unless given. */
  onError?: OnError
  /** Further attempts after the first one; 0 unless given, 3 under `onError: 'retry'`. */
  maxRetries?: number
  /** From the end of an attempt to the next one; `'1s'` unless given. */
  retryDelay?: Duration
  /**
   * `'fixed'` (default): every delay is `retryDelay`. `'exponential'`: each is twice the one before, up to `maxRetryDelay`, times a
   * factor between 0.5 and 1.
   */
  backoff?: 'fixed' | 'exponential'
  /** The longest delay under `backoff: 'exponential'`; the larger of `'5m'` and `retryDelay` unless given. */
  maxRetryDelay?: Duration
  /** Under `onError: 'branch'`: the step to go on with. A name that is no step's is that of a workflow, which is then started. */
  errorBranch?: NoInfer<StepId> | (string & {})
  /** How long one attempt may take. Without it, as long as it likes. */
  timeout?: Duration
  /**
   * What of the output is `'[sensitive]'` wherever it is shown: `true` for all of it, or paths within it. Actions and expressions read
   * the real values.
   *
   * @example ['card.number', 'items.*.token']
   */
  sensitive?: boolean | string[]
}

/**
 * Starts an execution for every event that matches.
 *
 * @example { event: 'Customer.upgraded', condition: 'plan === "enterprise"' }
 */
export interface WorkflowTrigger {
  /** The event's name; `*` stands for one word of it, `**` for any number: `'Customer.*'`. */
  event: string
  /** A JavaScript expression over the fields of the event's data. If it is false, the event starts nothing. */
  condition?: string
}

/** A definition without its steps. */
export interface WorkflowOutline {
  /** Letters, digits, `_`, `.` and `-`, beginning with a letter or digit, at most 128. */
  id: string
  /** For people. */
  name?: string
  /** For people. */
  description?: string
  /** Events that start an execution. */
  triggers?: WorkflowTrigger[]
  /** The state that every execution begins with; its input and the outputs of its steps come on top. */
  context?: Record<string, unknown>
  /** How long a whole execution may take, waits and pauses included. Without it, as long as it likes. */
  timeout?: Duration
  /** What of the input is `'[sensitive]'` wherever it is shown: `true` for all of it, or paths within it. */
  sensitive?: boolean | string[]
  /** 1, 2, 3 ...; given by the engine and ignored in what is registered, like the next three. */
  version?: number
  /** When the first version was registered, in epoch milliseconds. */
  createdAt?: number
  /** When this version was registered, in epoch milliseconds. */
  updatedAt?: number
  /** Warnings and hints, in the answer to `register`. */
  diagnostics?: Diagnostic[]
}

/**
 * A workflow: a set of steps that depend on each other.
 *
 * @example
 * const order: WorkflowDefinition = {
 *   id: 'order-processing',
 *   steps: [
 *     { id: 'validate', action: 'validatePayment' },
 *     { id: 'charge', action: 'chargeCard', dependsOn: ['validate'], maxRetries: 3 }
 *   ]
 * }
 */
export interface WorkflowDefinition<StepId extends string = string> extends WorkflowOutline {
  /** At least one, each with an id of its own. Their order does not matter. */
  steps: WorkflowStep<StepId>[]
}

/** A definition as the engine keeps it. */
export interface RegisteredDefinition extends WorkflowDefinition {
  version: number
  createdAt: number
  updatedAt: number
}

/** The answer to `register`. */
export interface Registration extends RegisteredDefinition {
  /** Warnings and hints: what is probably not meant, but could be. Errors refuse a definition instead. */
  diagnostics: Diagnostic[]
}

/** One finding about a definition. */
export interface Diagnostic {
  /** Only errors refuse a definition. */
  severity: 'error' | 'warning' | 'hint'
  /** The value that it is about, as a JSON pointer: `/steps/2/dependsOn/0`. */
  pointer: string
  /** Stable, for programs: `unknown_step`. */
  code: string
  /** For people. */
  message: string
  /** What to do about it: "did you mean `validate`?" */
  help?: string
  /** Of a condition or template: where in it, counted in characters from 1. */
  column?: number
}
