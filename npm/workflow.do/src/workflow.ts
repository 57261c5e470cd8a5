/**
 * `Workflow`: the class that users extend.
 *
 * Its life: options are gathered (`configure`), then, once the constructor and the field initialisers of the subclass have run, it
 * opens by itself: the engine, then `setup()`, then attempts may begin. Calls wait for that, but for those that `setup()` makes.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { Actions, actionsOf, actionsOfEnvironment, dottedActions, findAction } from './actions.js'
import type {
  CallOptions,
  EventExecutions,
  EventOptions,
  ExecutionFilters,
  ExecutionPage,
  ReplayOptions,
  ServeOptions,
  StartAndWaitOptions,
  StartOptions,
  StreamOptions,
  WaitOptions,
  WorkflowApi,
  WorkflowOptions,
  WorkflowServer
} from './api.js'
import { Bridge, deferred } from './bridge.js'
import { Client, describe, refusal } from './client.js'
import { clockOf } from './clock.js'
import type { Definable } from './define.js'
import type { RegisteredDefinition, Registration, WorkflowDefinition, WorkflowStep } from './definition.js'
import { WorkflowError } from './errors.js'
import type { HistoryEntry, WorkflowExecution } from './execution.js'
import { HistoryStream } from './stream.js'

/** What runs gets so long to end when a workflow is closed. */
const CLOSE_GRACE_MS = 10_000
const CONCURRENCY = 256
const STORE = 'workflow.db'
const HOST = '127.0.0.1'
const PORT = 4747

/** An object with an environment: what a workflow is before it is one. */
// `any`, so that `this.env.STRIPE` needs no type before somebody wants one.
export class DO<Env = any> {
  /** Clients, bindings, secrets: what the constructor was given. */
  protected env: Env

  constructor(env?: Env) {
    this.env = env ?? ({} as Env)
  }
}

/**
 * Durable workflows: a subclass registers definitions in `setup()` and has a method for each action.
 *
 * Actions are the methods that the subclass and classes between it and this one define, and functions in fields
 * (`charge = async params => ...`). Not `setup`, `constructor`, `fetch`, `alarm`, private ones, names that begin with `_`, and never
 * what this class has itself. They are called `action(params, state, context)` with `this` bound. `'Email.send'` in a definition is
 * `this.env.Email.send(params)`.
 *
 * It opens by itself once it is made, and goes on with the executions that were there. An open workflow keeps the process alive:
 * `close()` it, or write `await using`.
 *
 * @example
 * class OrderWorkflow extends Workflow<{ STRIPE: Stripe }> {
 *   async setup() {
 *     await this.register({
 *       id: 'order-processing',
 *       steps: [
 *         { id: 'validate', action: 'validatePayment' },
 *         { id: 'charge', action: 'chargeCard', dependsOn: ['validate'], maxRetries: 3 }
 *       ]
 *     })
 *   }
 *
 *   async validatePayment(params: { orderId: string }) { ... }
 *
 *   async chargeCard(params: { orderId: string }, state: Record<string, unknown>, context: ActionContext) {
 *     return await this.env.STRIPE.charges.create({ ... }, { idempotencyKey: context.idempotencyKey })
 *   }
 * }
 *
 * const workflow = new OrderWorkflow({ store: 'orders.db', env: { STRIPE: new Stripe(key) } })
 * const execution = await workflow.start('order-processing', { orderId: 'ord_123' })
 */
export class Workflow<Env = any> extends DO<Env> implements WorkflowApi<Env> {
  #options: WorkflowOptions<Env> = {}
  #bridge: Bridge | undefined
  /** Once it is open. */
  #client: Client | undefined
  /** Settled once calls may be made, or once it is clear that they never can. */
  readonly #opening = deferred<Client>()
  /** Holds a value in everything that `setup()` does. */
  readonly #settingUp = new AsyncLocalStorage<Client>()
  /** Somebody has been told, or will be, if it could not be opened. */
  #isWatched = false
  #state: 'new' | 'opening' | 'open' | 'closing' | 'closed' = 'new'
  #closed: Promise<void> | undefined

  constructor(options: WorkflowOptions<Env> = {}) {
    super()
    this.configure(options)
    // The subclass's fields are set once its constructor has run.
    queueMicrotask(() => this.#open())
  }

  /**
   * Registers definitions and prepares what actions need. Runs once, before the first call is answered and before the first action
   * is run; what it throws is what every call rejects with.
   */
  protected setup(): Promise<void> | void {}

  configure(options: WorkflowOptions<Env>): void {
    if (this.#state !== 'new') {
      throw new WorkflowError('invalid_state', 'the workflow is open already: call `configure` right after the constructor, before anything is awaited')
    }
    const merged = { ...this.#options, ...options }
    check(merged)
    this.#options = merged
    if (options.env !== undefined) this.env = options.env
  }

  /** Resolves once `setup()` has run; rejects if it could not be opened. No call needs it: all wait by themselves. */
  async ready(): Promise<void> {
    await this.#admitted()
  }

  async register<StepId extends string, const Steps extends WorkflowStep<StepId>[]>(
    definition: Definable<StepId, Steps>
  ): Promise<Registration> {
    const client = this.#client ?? (await this.#admitted())
    const checked = definition as WorkflowDefinition<StepId>
    const registered = await client.register(checked)
    // A service may have methods that nobody can list (a Proxy): what is named is asked for.
    this.#bridge?.provide(this.#provided(dottedActions(checked)))
    return registered
  }

  async getDefinition(workflowId: string, version?: number): Promise<RegisteredDefinition | null> {
    const client = this.#client ?? (await this.#admitted())
    return await client.getDefinition(workflowId, version)
  }

  async listDefinitions(): Promise<RegisteredDefinition[]> {
    const client = this.#client ?? (await this.#admitted())
    return await client.listDefinitions()
  }

  async deleteDefinition(workflowId: string): Promise<boolean> {
    const client = this.#client ?? (await this.#admitted())
    return await client.deleteDefinition(workflowId)
  }

  async deleteExecution(executionId: string): Promise<boolean> {
    const client = this.#client ?? (await this.#admitted())
    return await client.deleteExecution(executionId)
  }

  async start(workflowId: string, input?: object, options?: StartOptions): Promise<WorkflowExecution> {
    const client = this.#client ?? (await this.#admitted())
    return await client.start(workflowId, input, options)
  }

  async startAndWait(workflowId: string, input?: object, options?: StartAndWaitOptions): Promise<WorkflowExecution> {
    const client = this.#client ?? (await this.#admitted())
    this.#mayWait('startAndWait')
    return await client.startAndWait(workflowId, input, options)
  }

  async status(executionId: string): Promise<WorkflowExecution | null> {
    const client = this.#client ?? (await this.#admitted())
    return await client.status(executionId)
  }

  async wait(executionId: string, options?: WaitOptions): Promise<WorkflowExecution> {
    const client = this.#client ?? (await this.#admitted())
    this.#mayWait('wait')
    return await client.wait(executionId, options)
  }

  stream(executionId: string, options?: StreamOptions): AsyncIterableIterator<HistoryEntry> {
    return new HistoryStream(async () => this.#client ?? (await this.#admitted()), executionId, options)
  }

  async pause(executionId: string, options?: CallOptions): Promise<WorkflowExecution> {
    const client = this.#client ?? (await this.#admitted())
    return await client.control(executionId, 'pause', options)
  }

  async resume(executionId: string, options?: CallOptions): Promise<WorkflowExecution> {
    const client = this.#client ?? (await this.#admitted())
    return await client.control(executionId, 'resume', options)
  }

  async cancel(executionId: string, options?: CallOptions): Promise<WorkflowExecution> {
    const client = this.#client ?? (await this.#admitted())
    return await client.control(executionId, 'cancel', options)
  }

  async retry(executionId: string, options?: CallOptions): Promise<WorkflowExecution> {
    const client = this.#client ?? (await this.#admitted())
    return await client.control(executionId, 'retry', options)
  }

  async replay(executionId: string, options?: ReplayOptions): Promise<WorkflowExecution> {
    const client = this.#client ?? (await this.#admitted())
    return await client.replay(executionId, options)
  }

  async runNow(executionId: string, stepId: string, options?: CallOptions): Promise<WorkflowExecution> {
    const client = this.#client ?? (await this.#admitted())
    return await client.runNow(executionId, stepId, options)
  }

  async history(executionId: string): Promise<HistoryEntry[]> {
    const client = this.#client ?? (await this.#admitted())
    return await client.history(executionId)
  }

  async listExecutions(filters?: ExecutionFilters): Promise<ExecutionPage> {
    const client = this.#client ?? (await this.#admitted())
    return await client.listExecutions(filters)
  }

  async handleEvent(event: string, data?: unknown, options?: EventOptions): Promise<EventExecutions> {
    const client = this.#client ?? (await this.#admitted())
    return await client.handleEvent(event, data, options)
  }

  async serve(options: ServeOptions = {}): Promise<WorkflowServer> {
    await this.#admitted()
    const { port = PORT, host = HOST, adminToken, insecure = false } = options
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw new WorkflowError('invalid_request', `\`port\` is ${describe(port)}: expected a whole number from 0 to 65535`)
    }
    if (typeof host !== 'string') throw new WorkflowError('invalid_request', `\`host\` is ${describe(host)}: expected a name or an address`)
    if (adminToken !== undefined && typeof adminToken !== 'string') throw new WorkflowError('invalid_request', '`adminToken`: expected a text')
    if (typeof insecure !== 'boolean') throw new WorkflowError('invalid_request', `\`insecure\` is ${describe(insecure)}: expected true or false`)
    const bridge = this.#bridge as Bridge
    const answer = await bridge.serve(host, port, adminToken, insecure)
    if (answer.status >= 300) throw refusal(answer)
    const serving = answer.body as { url: string; port: number }
    const close = async () => void (await bridge.stopServing(serving.port))
    return { ...serving, close, [Symbol.asyncDispose]: close }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #mayWait(call: string): void {
    if (this.#client === undefined && this.#settingUp.getStore() !== undefined) {
      throw new WorkflowError('invalid_state', `\`${call}\` inside \`setup()\` would wait for ever: actions run once \`setup()\` has ended`)
    }
  }

  /** What a call is made with, as soon as it may be made. */
  async #admitted(): Promise<Client> {
    if (this.#state === 'closed' || (this.#state === 'closing' && this.#client === undefined)) throw closed()
    const own = this.#settingUp.getStore()
    if (own !== undefined) return own
    this.#isWatched = true
    return this.#client ?? (await this.#opening.promise)
  }

  async #open(): Promise<void> {
    if (this.#state !== 'new') return
    this.#state = 'opening'
    try {
      const bridge = this.#connect()
      this.#bridge = bridge
      const wanted = await bridge.opened
      const client = new Client(bridge)
      // Of definitions on a server, as far as that can matter.
      if (this.#options.url !== undefined && hasBindings(this.env)) wanted.push(...(await client.listDefinitions()).flatMap(dottedActions))
      bridge.provide([...actionsOf(this, Workflow.prototype), ...actionsOfEnvironment(this.env), ...this.#provided(wanted)])
      await this.#settingUp.run(client, async () => this.setup())
      if (this.#state !== 'opening') return
      bridge.work()
      this.#client = client
      this.#state = 'open'
      this.#opening.resolve(client)
    } catch (error) {
      // Whoever closed it does not want to know; everybody else does, if only by an unhandled rejection.
      if (this.#isWatched || this.#state !== 'opening') this.#opening.promise.catch(() => {})
      this.#opening.reject(error)
      if (this.#state === 'opening') await this.#bridge?.opened.then(() => this.#bridge?.close(0)).catch(() => {})
    } finally {
      // It slows down every promise of the process while it is on.
      this.#settingUp.disable()
    }
  }

  #connect(): Bridge {
    const { store = STORE, encryptionKeys, url, token, caFile, concurrency = CONCURRENCY, limits = {}, keep = {}, name, clock } = this.#options
    const optional = {
      ...(encryptionKeys === undefined ? {} : { encryptionKeys }),
      ...(token === undefined ? {} : { token }),
      ...(caFile === undefined ? {} : { caFile }),
      ...(name === undefined ? {} : { name })
    }
    const bridge: Bridge = new Bridge(
      { place: url === undefined ? { store } : { url: [url].flat().join(',') }, concurrency, limits, keep, ...optional },
      clockOf(clock)?.native,
      new Actions(
        this,
        () => this.env,
        () => bridge
      )
    )
    clockOf(clock)?.bridges.add(bridge)
    return bridge
  }

  /** Those that `env` has a function for. */
  #provided(actions: string[]): string[] {
    return actions.filter(action => {
      try {
        return findAction(this, this.env, action) !== undefined
      } catch {
        return false
      }
    })
  }

  async #close(): Promise<void> {
    const wasNew = this.#state === 'new'
    this.#state = 'closing'
    if (this.#client === undefined) {
      this.#opening.promise.catch(() => {})
      this.#opening.reject(closed())
    }
    const bridge = this.#bridge
    if (!wasNew && bridge !== undefined) {
      try {
        await bridge.opened
        await bridge.close(CLOSE_GRACE_MS)
      } catch {
        // It was never open.
      }
      const clock = clockOf(this.#options.clock)
      clock?.bridges.delete(bridge)
    }
    this.#state = 'closed'
    this.#client = undefined
  }
}

function closed(): WorkflowError {
  return new WorkflowError('closed', 'the workflow is closed: calls after `close()` are not answered')
}

/** Whether there is anything in it that could have methods. */
function hasBindings(env: unknown): boolean {
  if (typeof env !== 'object' || env === null) return false
  return Object.values(Object.getOwnPropertyDescriptors(env)).some(({ value }) => (typeof value === 'object' && value !== null) || typeof value === 'function')
}

const KNOWN = new Set(['store', 'encryptionKeys', 'url', 'token', 'caFile', 'env', 'concurrency', 'limits', 'keep', 'name', 'clock'])
/** With one at least. */
function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(text => typeof text === 'string')
}

const KEPT = new Set(['completed', 'failed', 'cancelled'])
const LIMITS = new Set(['payloadBytesMax', 'stepsMax', 'historyEntriesMax', 'executionBytesMax'])

function check(options: WorkflowOptions): void {
  const wrong = (message: string) => new WorkflowError('invalid_request', message)
  if (typeof options !== 'object' || options === null) throw wrong(`the options are ${describe(options)}: expected an object`)
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw wrong(`there is no option \`${name}\`; the options are ${[...KNOWN].map(known => `\`${known}\``).join(', ')}`)
  }
  const { store, encryptionKeys, url, token, caFile, concurrency, limits = {}, keep = {}, name, clock } = options as Record<string, unknown>
  if (store !== undefined && (typeof store !== 'string' || store === '')) {
    throw wrong(`\`store\` is ${describe(store)}: expected the path of a file, the address of a PostgreSQL database, or ':memory:'`)
  }
  if (encryptionKeys !== undefined && typeof encryptionKeys !== 'string') {
    throw wrong(`\`encryptionKeys\` is of type ${typeof encryptionKeys}: expected keys as 'name:base64', separated by commas`)
  }
  if (url !== undefined && typeof url !== 'string' && !isListOfTexts(url)) {
    throw wrong(`\`url\` is ${describe(url)}: expected 'http://127.0.0.1:4747', or a list of such addresses`)
  }
  if (url !== undefined && store !== undefined) {
    throw wrong('both `store` and `url` are given: expected one, `store` for an engine in this process, `url` for a server elsewhere')
  }
  // What it is is not said: it may be a token in the wrong form.
  if (token !== undefined && (typeof token !== 'string' || token === '')) throw wrong('`token` is no text: expected one that `workflow token create` made')
  if (token !== undefined && url === undefined) throw wrong('`token` is given without `url`: an engine in this process asks for none')
  if (url !== undefined && options.limits !== undefined) throw wrong('`limits` are given with `url`: a server has its own, so leave one of them out')
  if (url !== undefined && options.keep !== undefined) throw wrong('`keep` is given with `url`: a server has its own, so leave one of them out')
  if (url !== undefined && encryptionKeys !== undefined) throw wrong('`encryptionKeys` are given with `url`: a server has its own, so leave one of them out')
  if (url !== undefined && clock !== undefined) throw wrong('`clock` is given with `url`: time passes at the server, so leave one of them out')
  if (caFile !== undefined && typeof caFile !== 'string') throw wrong(`\`caFile\` is ${describe(caFile)}: expected the path of a PEM file`)
  if (caFile !== undefined && url === undefined) throw wrong('`caFile` is given without `url`: an engine in this process has no connection')
  if (name !== undefined && typeof name !== 'string') throw wrong(`\`name\` is ${describe(name)}: expected a text`)
  if (concurrency !== undefined && (!Number.isInteger(concurrency) || (concurrency as number) < 1)) {
    throw wrong(`\`concurrency\` is ${describe(concurrency)}: expected a whole number from 1`)
  }
  if (typeof limits !== 'object' || limits === null) throw wrong(`\`limits\` is ${describe(limits)}: expected an object`)
  for (const [name, limit] of Object.entries(limits)) {
    if (!LIMITS.has(name)) throw wrong(`there is no limit \`${name}\`; the limits are ${[...LIMITS].map(known => `\`${known}\``).join(', ')}`)
    if (!Number.isSafeInteger(limit) || (limit as number) < 1) throw wrong(`the limit \`${name}\` is ${describe(limit)}: expected a whole number from 1`)
  }
  if (typeof keep !== 'object' || keep === null) throw wrong(`\`keep\` is ${describe(keep)}: expected an object such as { completed: '30d' }`)
  for (const [ending, time] of Object.entries(keep)) {
    if (!KEPT.has(ending)) throw wrong(`\`keep\` has no \`${ending}\`: expected ${[...KEPT].map(known => `\`${known}\``).join(', ')}`)
    if (typeof time !== 'string') throw wrong(`\`keep.${ending}\` is ${describe(time)}: expected a duration such as '30d'`)
  }
  if (clock !== undefined && clockOf(clock) === undefined) {
    throw wrong(`\`clock\` is ${describe(clock)}: expected a \`SimulatedClock\` of 'workflow.do/testing'`)
  }
}
