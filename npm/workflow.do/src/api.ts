/// <reference lib="esnext.disposable" preserve="true" />

/**
 * What a workflow object can do, and what its calls take. The class `Workflow` implements `WorkflowApi`.
 *
 * Only shapes; what the calls do is written in `docs/semantics.md`.
 */

import type { Definable } from './define.js'
import type { Duration, RegisteredDefinition, Registration, WorkflowStep } from './definition.js'
import type { ExecutionStatus, HistoryEntry, WorkflowExecution } from './execution.js'

/** What `new OrderWorkflow({ ... })` takes. */
export interface WorkflowOptions<Env = unknown> {
  /**
   * Embedded: the SQLite file (`'orders.db'`), made if it is not there, or `':memory:'`. `'workflow.db'` unless given. One process
   * at a time opens it; several share a `workflow serve` by `url`. Or a database of PostgreSQL,
   * `'postgres://USER:PASSWORD@HOST/DATABASE'`, which one process owns at a time, too.
   */
  store?: string
  /**
   * Embedded: encrypts inputs, outputs, events and error messages in the file. `'name:base64'`, several separated by commas: the first
   * key is written with, all are read with; `openssl rand -base64 32` makes one. From a secret store or the environment, not from the code.
   */
  encryptionKeys?: string
  /**
   * Remote: where `workflow serve` listens, `'http://127.0.0.1:4747'`. This process then only runs actions. Of a cluster on PostgreSQL
   * one address or several (`['http://10.0.0.7:4747', 'http://10.0.0.8:4747']`): one that is reached is enough to find the others.
   */
  url?: string | readonly string[]
  /**
   * Remote: where the server asks for one (`workflow token create`). A process that registers, starts and runs actions needs an
   * admin's; one that only runs actions a worker's.
   */
  token?: string
  /** Remote, for `https://`: a PEM file with a root certificate to trust besides the system's. */
  caFile?: string
  /** `this.env` in actions: clients, bindings, secrets. */
  env?: Env
  /** Attempts that this process runs at the same time; 256 unless given. */
  concurrency?: number
  /** Embedded: bounds other than the default ones. */
  limits?: Limits
  /** Embedded: how long executions are kept once they have ended; for ever unless given. */
  keep?: Keep
  /** What this process is called in the server's logs, for people. */
  name?: string
  /** Embedded, for tests: a clock that only moves when told to, of `workflow.do/testing`. */
  clock?: Clock
}

/** Bounds of an embedded engine. What is larger is refused, or fails the attempt that returned it. */
export interface Limits {
  /** Of one input, output, definition or the data of one event, in bytes of JSON: 1 MiB unless given. */
  payloadBytesMax?: number
  /** Steps of a definition: 1,000 unless given. */
  stepsMax?: number
  /** Entries of the history of one execution: 50,000 unless given. One that comes close is failed with `history_full`. */
  historyEntriesMax?: number
  /** Context, input and outputs of one execution together, in bytes: 32 MiB unless given. */
  executionBytesMax?: number
}

/**
 * How long executions are kept once they have ended, by how they ended: `{ completed: '30d' }`. Without a time they are kept for ever.
 * What is deleted is gone with its history, its payloads and its idempotency key.
 */
export interface Keep {
  completed?: Duration
  failed?: Duration
  cancelled?: Duration
}

/** Time as a test sets it: `new SimulatedClock()` of `workflow.do/testing`. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Lets time pass: `'3d'`, or milliseconds. What falls due meanwhile fires. */
  advance(span: Duration | number): Promise<void>
}

/** The third argument of an action. */
export interface ActionContext {
  executionId: string
  workflowId: string
  workflowVersion: number
  stepId: string
  /** 1 for the first attempt. Numbers go on after `retry`. */
  attempt: number
  /**
   * `{executionId}:{stepId}`: the same for every attempt, also after a crash and after `retry`. Hand it to a payment API, and the
   * card is charged once.
   */
  idempotencyKey: string
  /** How often `retry` was called. */
  retryCount: number
  /** Aborted when the attempt has timed out, its execution was cancelled, or its result is no longer wanted. */
  signal: AbortSignal
}

/**
 * An action: a method of the class. What it returns is converted as `JSON.stringify` does and becomes the step's output; what it
 * throws fails the attempt.
 */
export type Action<Params = Record<string, unknown>, State = Record<string, unknown>, Output = unknown> = (
  params: Params,
  state: State,
  context: ActionContext
) => Output | Promise<Output>

export interface CallOptions {
  /** 1 to 255 characters. The same call with the same key again does nothing and has the same answer. */
  idempotencyKey?: string
}

export interface StartOptions extends CallOptions {
  /** Of this workflow: the same key again gives the execution that the first call started. */
  idempotencyKey?: string
}

export interface ReplayOptions extends CallOptions {
  /** Instead of the input of the execution that is replayed. */
  input?: object
}

export interface EventOptions {
  /** The event's own id: the same one again gives the same answer and starts nothing. */
  id?: string
  /** Whose id it is, as CloudEvents have it: ids of different sources are different. Needs `id`. */
  source?: string
}

export interface WaitOptions {
  /** Answer after this time (text, or milliseconds) even if it has not ended: look at `status`. Without it: as long as it takes. */
  timeout?: Duration | number
  /** Rejects with the signal's reason when aborted. The execution goes on. */
  signal?: AbortSignal
}

export interface StartAndWaitOptions extends StartOptions, WaitOptions {
  /** `true`: with its history. Without it `history` is empty and `historyTruncated`: `history(id)` has it, for those who want it. */
  history?: boolean
}

export interface StreamOptions {
  /** Only entries after this `seq`. */
  after?: number
  /** Ends the stream when aborted. The execution goes on. */
  signal?: AbortSignal
}

/** Which executions to list. */
export interface ExecutionFilters {
  workflowId?: string
  /** One, or any of several. */
  status?: ExecutionStatus | ExecutionStatus[]
  /** Epoch milliseconds. */
  startedAfter?: number
  /** Epoch milliseconds. */
  startedBefore?: number
  /** 1 to 1,000; 50 unless given. A page also ends at 4 MiB. */
  limit?: number
  /** The `nextCursor` of the page before. */
  cursor?: string
}

/** Executions, newest first. */
export interface ExecutionPage extends Array<WorkflowExecution> {
  /** The `cursor` of the next page; absent on the last one. */
  nextCursor?: string
}

/** The executions that an event started. */
export interface EventExecutions extends Array<WorkflowExecution> {
  /** Workflows whose trigger matched and that could not be started. */
  refused: RefusedStart[]
}

/** A workflow whose trigger matched and that could not be started. */
export interface RefusedStart {
  workflowId: string
  code: string
  message: string
}

export interface ServeOptions {
  /** 4747 unless given; 0 takes any that is free. */
  port?: number
  /** `'127.0.0.1'` unless given. Another one is refused as long as nobody needs a token. */
  host?: string
  /** An admin's token of at least 32 characters. With it, or one of `workflow token create`, every request needs one. */
  adminToken?: string
  /** Listen where other machines can call although nobody needs a token: whoever reaches it may do everything. */
  insecure?: boolean
}

/** The HTTP API, served from inside this process. */
export interface WorkflowServer extends AsyncDisposable {
  /** `http://127.0.0.1:4747` */
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** Everything that a workflow object can be asked. A call that is refused rejects with a `WorkflowError`. */
export interface WorkflowApi<Env = unknown> extends AsyncDisposable {
  /** Adds to what the constructor was given. Only before the first call: an object that is open stays as it is. */
  configure(options: WorkflowOptions<Env>): void

  /**
   * Registers a definition. What equals the newest version answers with that; anything else becomes the next version. Executions
   * keep the version that they started with.
   *
   * The compiler knows the steps' ids, so that a `dependsOn` which names no step is an error. Everything else is checked by the
   * engine: rejects with `invalid_definition` and all `diagnostics` if anything is wrong.
   */
  register<StepId extends string, const Steps extends WorkflowStep<StepId>[]>(
    definition: Definable<StepId, Steps>
  ): Promise<Registration>

  /** The newest version, or the one asked for; `null` if there is none. */
  getDefinition(workflowId: string, version?: number): Promise<RegisteredDefinition | null>

  /** All workflows, each in its newest version, by id. */
  listDefinitions(): Promise<RegisteredDefinition[]>

  /** Whether it was there. What runs goes on; new executions cannot be started. */
  deleteDefinition(workflowId: string): Promise<boolean>

  /**
   * Starts an execution. Once this has answered, the start is on disk and the execution will end, whatever crashes.
   *
   * @param input an object; `{}` unless given
   */
  start(workflowId: string, input?: object, options?: StartOptions): Promise<WorkflowExecution>

  /**
   * `start` and `wait` in one call: starts an execution and answers with it once it has ended. The start is on disk long before
   * that, and does not depend on who waits.
   *
   * With `url` it has an idempotency key even if none is given, so that a connection that breaks meanwhile starts nothing twice.
   */
  startAndWait(workflowId: string, input?: object, options?: StartAndWaitOptions): Promise<WorkflowExecution>

  /** As it is now; `null` if there is none with this id. */
  status(executionId: string): Promise<WorkflowExecution | null>

  /** Waits until the execution has ended, and answers with it. */
  wait(executionId: string, options?: WaitOptions): Promise<WorkflowExecution>

  /** The history as it happens, from its beginning; it ends with the execution. */
  stream(executionId: string, options?: StreamOptions): AsyncIterableIterator<HistoryEntry>

  /** Results of what runs are kept; nothing new begins, and no timer fires. */
  pause(executionId: string, options?: CallOptions): Promise<WorkflowExecution>

  /** Goes on, with what has fallen due meanwhile first. */
  resume(executionId: string, options?: CallOptions): Promise<WorkflowExecution>

  /** Ends it at once. What runs is told by its `signal`, and its result is dropped. */
  cancel(executionId: string, options?: CallOptions): Promise<WorkflowExecution>

  /**
   * Deletes an execution that has ended, for good: its history, its payloads and its idempotency key. Whether it was there. Rejects with
   * `invalid_state` while it has not ended.
   */
  deleteExecution(executionId: string): Promise<boolean>

  /** Goes on with a failed execution from the steps that failed. What completed is kept. */
  retry(executionId: string, options?: CallOptions): Promise<WorkflowExecution>

  /** Starts a new execution on the newest version, with the same input or another. */
  replay(executionId: string, options?: ReplayOptions): Promise<WorkflowExecution>

  /** Tries a step that waits for its next attempt at once. */
  runNow(executionId: string, stepId: string, options?: CallOptions): Promise<WorkflowExecution>

  /** All of it, oldest first. Rejects with `execution_not_found` if there is none with this id. */
  history(executionId: string): Promise<HistoryEntry[]>

  /** One page, newest first; its property `nextCursor` leads to the next. */
  listExecutions(filters?: ExecutionFilters): Promise<ExecutionPage>

  /**
   * Starts one execution of every workflow with a trigger that matches; its property `refused` names those that could not start.
   *
   * @param data becomes the input; what is no object becomes `{ data }`
   */
  handleEvent(event: string, data?: unknown, options?: EventOptions): Promise<EventExecutions>

  /** Serves the HTTP API from inside this process. Embedded only. */
  serve(options?: ServeOptions): Promise<WorkflowServer>

  /**
   * Stops in order: no further attempt begins, actions that run get up to ten seconds to end, what they give is recorded, and the
   * file is free for the next process. What has not ended by then is told by its `signal`, and its step runs again when the file is
   * opened next. Later calls are refused with `closed`; closing again does nothing. The process then ends by itself.
   */
  close(): Promise<void>
}
