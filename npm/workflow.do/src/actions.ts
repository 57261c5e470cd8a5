/**
 * Actions: which methods of a class are actions, and how one is run.
 *
 * An action is a function that the subclass defines: a method of it or of a class between it and `Workflow`, or a function that an
 * instance has as a field. Not `setup`, `constructor`, `fetch`, `alarm`, no name that begins with `_`, nothing that `Workflow` has
 * itself (overridden or not), no symbol. No getter is ever run to find out. What is defined nearest to the instance counts, as in a
 * call. `'Email.send'` is the method `send` of `env.Email`.
 */

import type { ActionContext } from './api.js'
import type { Task, TaskContext, TaskPlace, Worker } from './bridge.js'
import { WorkflowError } from './errors.js'

/** What the runtime calls, or a later one will. */
const NEVER = new Set(['setup', 'constructor', 'fetch', 'alarm'])

/** Causes of an error that are kept. The engine keeps no more either. */
const CAUSES_MAX = 8

/** The names of the actions that an object has, above what `base` has. */
export function actionsOf(object: object, base: object): string[] {
  const actions: string[] = []
  const seen = new Set<string>()
  for (let at: object | null = object; at !== null && at !== base; at = Object.getPrototypeOf(at) as object | null) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (seen.has(name) || NEVER.has(name) || name.startsWith('_') || name in base) continue
      // Seen also where it is no function: it hides what is further away.
      seen.add(name)
      if (isCallable(Object.getOwnPropertyDescriptor(at, name)?.value)) actions.push(name)
    }
  }
  return actions
}

/** The actions that the objects of an environment have: `Email.send`. */
export function actionsOfEnvironment(env: unknown): string[] {
  if (typeof env !== 'object' || env === null) return []
  const actions: string[] = []
  for (const [service, { value }] of Object.entries(Object.getOwnPropertyDescriptors(env))) {
    if (typeof value === 'object' && value !== null) {
      for (const method of actionsOf(value as object, Object.prototype)) actions.push(`${service}.${method}`)
    }
  }
  return actions
}

/** A class is a function that cannot be called. */
function isCallable(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function' && !/^class\b/.test(Function.prototype.toString.call(value))
}

/** Finds the function of an action, with what `this` is in it. */
export function findAction(object: object, env: unknown, action: string): { self: unknown; run: (...args: unknown[]) => unknown } | undefined {
  if (!action.includes('.')) return functionOf(object, action)
  const path = action.split('.')
  if (path.some(isEverybodys)) return undefined
  const method = path.pop() as string
  // A method of a service, or of something within it.
  let self: unknown = env
  for (const name of path) {
    if (self === null || self === undefined) return undefined
    self = (self as Record<string, unknown>)[name]
  }
  return self === null || self === undefined ? undefined : functionOf(self, method)
}

function functionOf(self: unknown, name: string): { self: unknown; run: (...args: unknown[]) => unknown } | undefined {
  if (isEverybodys(name)) return undefined
  const run = (self as Record<string, unknown>)[name]
  return typeof run === 'function' ? { self, run: run as (...args: unknown[]) => unknown } : undefined
}

/** What every object has is nobody's action. */
function isEverybodys(name: string): boolean {
  return name in Object.prototype
}

/** The actions with a dot in them that a definition names. */
export function dottedActions(definition: object): string[] {
  const steps: unknown = Reflect.get(definition, 'steps')
  if (!Array.isArray(steps)) return []
  const names = steps.map((step: unknown) => (typeof step === 'object' && step !== null ? (Reflect.get(step, 'action') as unknown) : undefined))
  return names.filter(name => typeof name === 'string' && name.includes('.')) as string[]
}

/** Where results go. */
export interface Results {
  completed(task: number, output: string | undefined): void
  failed(task: number, error: string, retryAfter: string | undefined): void
}

/** Runs tasks: whatever an action does, its attempt gets one result, and nothing is thrown. */
export class Actions implements Worker {
  readonly #attempts = new Map<number, Attempt>()

  constructor(
    readonly object: object,
    readonly env: () => unknown,
    readonly results: () => Results
  ) {}

  run([task, action, context, params, state]: Task): void {
    const attempt = new Attempt(context)
    this.#attempts.set(task, attempt)
    try {
      const result = this.#call(action, params, state, attempt)
      if (isThenable(result)) {
        Promise.resolve(result).then(
          output => this.#completed(task, output),
          (error: unknown) => this.#failed(task, error)
        )
      } else {
        this.#completed(task, result)
      }
    } catch (error) {
      this.#failed(task, error)
    }
  }

  abort(task: number, reason: string): void {
    this.#attempts.get(task)?.[abort](reason)
  }

  #call(action: string, params: object, state: object, context: ActionContext): unknown {
    const found = findAction(this.object, this.env(), action)
    if (found === undefined) throw new WorkflowError('action_missing', `\`${action}\` was a function when the workflow was opened and is none now`)
    const { self, run } = found
    // Not `run.call`: a Proxy may take that for a method of its own.
    return Reflect.apply(run, self, action.includes('.') ? [params] : [params, state, context])
  }

  #completed(task: number, output: unknown): void {
    this.#attempts.delete(task)
    let text: string | undefined
    try {
      text = JSON.stringify(output)
    } catch (error) {
      const message = `the output cannot be written as JSON: ${property(error, 'message') ?? asText(error)}`
      return this.results().failed(task, JSON.stringify({ code: 'output_not_json', message: message.toWellFormed(), retryable: false }), undefined)
    }
    this.results().completed(task, text)
  }

  #failed(task: number, thrown: unknown): void {
    this.#attempts.delete(task)
    this.results().failed(task, JSON.stringify(failure(thrown, CAUSES_MAX)), delay(thrown))
  }
}

interface Failure {
  message: string
  code?: string
  stack?: string
  cause?: Failure
  retryable?: false
}

/** What is kept of something that was thrown. Reading it never throws. */
function failure(thrown: unknown, causesMax: number): Failure {
  const failed: Failure = { message: message(thrown) }
  const code = property(thrown, 'code')
  const stack = property(thrown, 'stack')
  if (code !== undefined) failed.code = code
  if (stack !== undefined) failed.stack = stack
  const cause = get(thrown, 'cause')
  if (cause !== undefined && causesMax > 0) failed.cause = failure(cause, causesMax - 1)
  if (get(thrown, 'retryable') === false) failed.retryable = false
  return failed
}

function message(thrown: unknown): string {
  const message = property(thrown, 'message')
  if (message !== undefined && message !== '') return message
  if (thrown instanceof Error) return property(thrown, 'name') ?? 'Error'
  return asText(thrown)
}

/** Something that is no error, as a text. */
function asText(value: unknown): string {
  try {
    const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
    return (text ?? String(value)).toWellFormed()
  } catch {
    return 'something was thrown that cannot be written as a text'
  }
}

/** How long to wait before the next attempt, as JSON text: milliseconds or a duration. */
function delay(thrown: unknown): string | undefined {
  const after = get(thrown, 'retryAfter')
  if (typeof after === 'number' && Number.isFinite(after) && after >= 0) return String(after)
  return typeof after === 'string' ? JSON.stringify(after.toWellFormed()) : undefined
}

/** A field of something that was thrown, if it is a text. */
function property(thrown: unknown, name: string): string | undefined {
  const value = get(thrown, name)
  return typeof value === 'string' ? value.toWellFormed() : undefined
}

function get(thrown: unknown, name: string): unknown {
  if ((typeof thrown !== 'object' && typeof thrown !== 'function') || thrown === null) return undefined
  try {
    return Reflect.get(thrown, name) as unknown
  } catch {
    return undefined
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && typeof Reflect.get(value, 'then') === 'function'
}

const abort = Symbol('abort')

/** The third argument of an action. */
class Attempt implements ActionContext {
  readonly executionId: string
  readonly workflowId: string
  readonly workflowVersion: number
  readonly stepId: string
  readonly attempt: number
  readonly idempotencyKey: string
  readonly retryCount: number
  #controller: AbortController | undefined
  #reason: WorkflowError | undefined

  constructor(context: TaskContext | TaskPlace) {
    if (Array.isArray(context)) {
      this.executionId = context[0]
      this.workflowId = context[1]
      this.workflowVersion = context[2]
      this.stepId = context[3]
      this.attempt = context[4]
      this.idempotencyKey = `${context[0]}:${context[3]}`
      this.retryCount = context[5]
    } else {
      this.executionId = context.executionId
      this.workflowId = context.workflowId
      this.workflowVersion = context.workflowVersion
      this.stepId = context.stepId
      this.attempt = context.attempt
      this.idempotencyKey = context.idempotencyKey
      this.retryCount = context.retryCount
    }
  }

  /** Made when an action asks for it: most do not. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  [abort](reason: string): void {
    this.#reason = new WorkflowError(reason, REASONS[reason] ?? `the attempt was given up: ${reason}`)
    this.#controller?.abort(this.#reason)
  }
}

const REASONS: Record<string, string> = {
  timeout: 'the attempt has timed out',
  cancelled: 'the execution was cancelled',
  lost: 'the attempt was given up and will run again'
}
