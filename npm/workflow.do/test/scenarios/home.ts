/** Carries out the script of a scenario on an engine in the addon, with actions in JavaScript that end when the script says so. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'

import { Workflow, WorkflowError, type ActionContext, type WorkflowDefinition, type WorkflowExecution } from '../../src/index.js'
import { clockOf } from '../../src/clock.js'
import { SimulatedClock } from '../../src/testing.js'
import { STARTS_AT, compact, differences, entryDifferences, isEntry, span, type Json, type JsonObject, type Names } from './compare.js'

export interface Scenario {
  about: string
  definition?: WorkflowDefinition
  definitions?: WorkflowDefinition[]
  diagnostics?: Json[]
  limits?: Record<string, number>
  slots?: 'all' | 'none'
  script: Act[]
  end: End
  others?: Record<string, End>
}

interface End {
  status: Json
  transitions?: string[]
  entries?: number
  execution?: JsonObject
}

interface Failure {
  message: string
  code?: string
  stack?: string
  cause?: Failure
  retryable?: boolean
}

/** One command, with what has to come of it; see `testdata/scenarios/README.md`. */
export interface Act {
  at?: number | string
  in?: string
  start?: { workflow?: string; input?: Record<string, unknown> }
  event?: string
  data?: unknown
  begin?: string
  finish?: string
  output?: unknown
  error?: Failure
  retryAfter?: string
  interrupt?: string
  shutdown?: boolean
  timeOut?: string
  attempt?: number
  wake?: true
  pause?: true
  resume?: true
  cancel?: true
  retry?: true
  replay?: true
  runNow?: string
  key?: string

  events?: Json[]
  status?: Json
  outstanding?: { inFlight?: Json[] }
  refused?: Json
  execution?: JsonObject
  task?: JsonObject | JsonObject[]
  started?: Json[]
}

/** An attempt that JavaScript runs. */
interface Running {
  step: string
  action: string
  params: unknown
  state: unknown
  context: ActionContext
  complete(output: unknown): void
  fail(error: unknown): void
}

export async function carryOut(scenario: Scenario): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'workflow-scenario-'))
  const home = new Home(scenario, join(folder, 'scenario.db'))
  try {
    return await home.run()
  } finally {
    await home.close()
    rmSync(folder, { recursive: true })
  }
}

class Home {
  readonly #scenario: Scenario
  readonly #store: string
  readonly #definitions: WorkflowDefinition[]
  readonly #clock = new SimulatedClock(STARTS_AT)
  /** All executions, in the order in which they were started. */
  readonly #ids: string[] = []
  readonly #workflowOf = new Map<string, string>()
  readonly #running = new Map<string, Running>()
  #isRegistered = false
  #workflow: Workflow

  constructor(scenario: Scenario, store: string) {
    this.#scenario = scenario
    this.#store = store
    this.#definitions = scenario.definitions ?? [scenario.definition as WorkflowDefinition]
    this.#workflow = this.#open()
  }

  async run(): Promise<string[]> {
    const wrong = await this.#register()
    // Limits are for what is done with a definition: some are smaller than any definition.
    this.#isRegistered = true
    if (this.#scenario.limits !== undefined) await this.#nextLife(true)
    for (const [index, act] of this.#scenario.script.entries()) {
      wrong.push(...(await this.#act(act)).map((difference) => `script/${index} ${difference}`))
      // What follows would only confuse.
      if (wrong.length > 0) return wrong
    }
    wrong.push(...(await this.#expectEnd('end', this.#scenario.end, this.#ids[0])))
    for (const [workflow, end] of Object.entries(this.#scenario.others ?? {})) {
      wrong.push(...(await this.#expectEnd(`others/${workflow}`, end, this.#newest(workflow))))
    }
    return wrong
  }

  async close(): Promise<void> {
    await this.#abandon()
  }

  // The engine and its actions.

  #open(): Workflow {
    const running = this.#running
    class Scripted extends Workflow {}
    for (const { action } of this.#definitions.flatMap((definition) => definition.steps)) {
      if (action === 'noop') continue
      const run = (params: unknown, state: unknown, context: ActionContext) =>
        new Promise((complete, fail) => {
          const key = `${context.executionId}:${context.stepId}:${context.attempt}`
          running.set(key, { step: context.stepId, action, params, state, context, complete, fail })
          context.signal.addEventListener('abort', () => running.delete(key))
        })
      Object.defineProperty(Scripted.prototype, action, { value: run, configurable: true })
    }
    return new Scripted({ store: this.#store, clock: this.#clock, limits: this.#isRegistered ? (this.#scenario.limits ?? {}) : {} })
  }

  async #register(): Promise<string[]> {
    const wrong: string[] = []
    for (const [index, definition] of this.#definitions.entries()) {
      const registered = await this.#workflow.register(definition)
      const expected = this.#scenario.diagnostics
      if (index === 0 && expected !== undefined) {
        const found = (registered.diagnostics ?? []) as unknown as Json
        wrong.push(...differences(expected, found, this.#names(undefined)).map((difference) => `diagnostics${difference}`))
      }
    }
    return wrong
  }

  /** The process dies, or ends in order, and another one opens the store. */
  async #nextLife(inOrder: boolean): Promise<void> {
    if (inOrder) await this.#workflow.close()
    else await this.#abandon()
    this.#running.clear()
    this.#workflow = this.#open()
  }

  async #abandon(): Promise<void> {
    await Promise.all([...(clockOf(this.#clock)?.bridges ?? [])].map((bridge) => bridge.abandon()))
  }

  // Commands.

  async #act(act: Act): Promise<string[]> {
    const before = new Map(await Promise.all(this.#ids.map(async (id) => [id, (await this.#history(id)).length] as const)))
    const known = this.#ids.length
    // What time alone does belongs to the command: everywhere else the engine looks at the clock only then.
    await this.#pass(act.at)
    let about: string | undefined
    let refused: Json | undefined
    let started: string[] = []
    try {
      ;[about, started] = await this.#command(act)
    } catch (error) {
      if (!(error instanceof WorkflowError)) throw error
      refused = { code: error.code, message: error.message }
      about = this.#which(act)
    }
    await this.#settle()
    await this.#noteStarted(started)
    if (started.length === 0) started = this.#ids.slice(known).filter((id) => id !== about)
    return this.#expect(act, about, before.get(about ?? '') ?? 0, refused, started)
  }

  /** The execution that it is about, and those that it started besides. */
  async #command(act: Act): Promise<[string | undefined, string[]]> {
    const workflow = this.#workflow
    const key = act.key === undefined ? {} : { idempotencyKey: act.key }
    if (act.start !== undefined) {
      const id = act.start.workflow ?? (this.#definitions[0] as WorkflowDefinition).id
      return [(await workflow.start(id, act.start.input ?? {}, key)).id, []]
    }
    if (act.event !== undefined) {
      const executions = await workflow.handleEvent(act.event, act.data === undefined ? null : act.data)
      // Scenarios name them in the order in which their definitions were registered.
      const place = (execution: WorkflowExecution) => this.#definitions.findIndex(({ id }) => id === execution.workflowId)
      return [undefined, [...executions].sort((a, b) => place(a) - place(b)).map(({ id }) => id)]
    }
    const id = this.#which(act)
    if (id === undefined) throw new Error('nothing has been started')
    if (act.replay) return [(await workflow.replay(id, key)).id, []]
    if (act.pause) await workflow.pause(id, key)
    if (act.resume) await workflow.resume(id, key)
    if (act.cancel) await workflow.cancel(id, key)
    if (act.retry) await workflow.retry(id, key)
    if (act.runNow !== undefined) await workflow.runNow(id, act.runNow, key)
    if (act.finish !== undefined) await this.#finish(id, act.finish, act)
    if (act.interrupt !== undefined && this.#find(id, act.interrupt, act.attempt) !== undefined) {
      if (this.#running.size > 1) throw new Error('a process that dies loses all attempts in flight, not one of them')
      await this.#nextLife(act.shutdown === true)
    }
    return [id, []]
  }

  async #finish(id: string, step: string, act: Act): Promise<void> {
    const attempt = this.#find(id, step, act.attempt)
    if (attempt === undefined) return
    const [key, running] = attempt
    this.#running.delete(key)
    if (act.error === undefined) running.complete(act.output)
    else running.fail(thrown(act.error, act.retryAfter))
    // The result travels by itself; what it leads to is looked at once it has arrived.
    const { attempt: number } = running.context
    for (;;) {
      await this.#clock.advance(0)
      const history = await this.#history(id)
      const ends = new Set(['step_complete', 'step_fail', 'step_cancel', 'step_interrupted', 'fail', 'cancel'])
      const begun = history.findIndex((entry) => entry.type === 'step_start' && entry.stepId === step && entry.attempt === number)
      const over = (entry: JsonObject) => ends.has(String(entry.type)) && (entry.stepId === undefined || entry.stepId === step)
      if (begun < 0 || history.slice(begun).some(over)) return
      await turn()
    }
  }

  #find(id: string, step: string, attempt: number | undefined): [string, Running] | undefined {
    const of = [...this.#running].filter(([, { context }]) => context.executionId === id && context.stepId === step)
    return attempt === undefined ? of.at(-1) : of.find(([, { context }]) => context.attempt === attempt)
  }

  async #pass(at: number | string | undefined): Promise<void> {
    if (at === undefined) return
    const now = this.#clock.now()
    const to = typeof at === 'number' ? STARTS_AT + at : at.startsWith('-') ? now - span(at.slice(1)) : now + span(at.slice(1))
    if (to >= now) await this.#clock.advance(to - now)
    else await this.#clock.setWall(to)
  }

  /** Until nothing is left to do, and what runs according to the histories has reached JavaScript. */
  async #settle(): Promise<void> {
    for (;;) {
      await this.#clock.advance(0)
      const executions = await this.#workflow.listExecutions({ limit: 1_000 })
      const inFlight = executions.flatMap((execution) => attemptsInFlight(execution))
      if (inFlight.every((key) => this.#running.has(key))) return
      await turn()
    }
  }

  async #noteStarted(ordered: string[]): Promise<void> {
    const executions = await this.#workflow.listExecutions({ limit: 1_000 })
    for (const { id, workflowId } of executions) this.#workflowOf.set(id, workflowId)
    const fresh = executions.map(({ id }) => id).filter((id) => !this.#ids.includes(id))
    fresh.sort()
    this.#ids.push(...ordered.filter((id) => fresh.includes(id)), ...fresh.filter((id) => !ordered.includes(id)))
  }

  #which(act: Act): string | undefined {
    return act.in === undefined ? this.#ids[0] : this.#newest(act.in)
  }

  #newest(workflow: string): string | undefined {
    return this.#ids.findLast((id) => this.#workflowOf.get(id) === workflow)
  }

  // Expectations.

  async #expect(act: Act, about: string | undefined, length: number, refused: Json | undefined, started: string[]): Promise<string[]> {
    const looked = about ?? this.#ids[0]
    const names = this.#names(looked)
    const wrong: string[] = []
    const compareWith = (what: string, expected: Json | undefined, found: Json | undefined) => {
      if (expected !== undefined) wrong.push(...differences(expected, found, names).map((difference) => `${what}${difference}`))
    }
    if (act.refused === undefined && refused !== undefined) wrong.push(`refused: ${JSON.stringify(refused)}`)
    compareWith('refused', act.refused, refused)
    if (act.started !== undefined) compareWith('started', act.started, await Promise.all(started.map((id) => this.#execution(id))))
    if (looked === undefined) return wrong
    const execution = await this.#execution(looked)
    compareWith('status', act.status, execution.status)
    compareWith('execution', act.execution, execution)
    const inFlight = attemptsInFlight(execution as unknown as WorkflowExecution).map((key) => `${key.split(':')[1]} (${key.split(':')[2]})`)
    compareWith('outstanding/inFlight', act.outstanding?.inFlight, inFlight)
    for (const { timeout: _, ...expected } of [act.task ?? []].flat()) compareWith('task', expected, this.#task(looked, String(expected.step)))
    if (act.events !== undefined) {
      const added = about === undefined ? [] : (await this.#history(about)).slice(length)
      wrong.push(...entryDifferences(act.events, added, names).map((difference) => `events${difference}`))
    }
    return wrong
  }

  /** What JavaScript was given; the step's timeout is the engine's own affair. */
  #task(id: string, step: string): Json {
    const found = this.#find(id, step, undefined)
    if (found === undefined) return `\`${step}\` does not run`
    const { action, params, state, context } = found[1]
    const { signal: _, ...plain } = context
    return JSON.parse(JSON.stringify({ step, action, params, state, context: plain })) as Json
  }

  async #expectEnd(at: string, end: End, id: string | undefined): Promise<string[]> {
    if (id === undefined) return [`${at}: was not started`]
    const execution = await this.#execution(id)
    const names = this.#names(id)
    const wrong = differences(end.status, execution.status, names)
    if (end.execution !== undefined) wrong.push(...differences(end.execution, execution, names))
    const entries = (await this.#history(id)).map(compact)
    const expected = end.transitions?.flatMap((transition) => transition.split(', '))
    // Which of them were one commit cannot be seen from here.
    if (expected !== undefined && !(expected.length === entries.length && expected.every((text, index) => isEntry(text, entries[index] as string)))) {
      wrong.push(`history: expected ${expected.join(', ')}, found ${entries.join(', ')}`)
    }
    if (end.entries !== undefined && end.entries !== entries.length) wrong.push(`expected ${end.entries} entries, found ${entries.length}`)
    return wrong.map((difference) => `${at}: ${difference}`)
  }

  #names(id: string | undefined): Names {
    const ids = new Map(this.#ids.map((id) => [this.#workflowOf.get(id) as string, id]))
    return { id: id ?? '', ids }
  }

  async #execution(id: string): Promise<JsonObject> {
    return JSON.parse(JSON.stringify(await this.#workflow.status(id))) as JsonObject
  }

  async #history(id: string): Promise<JsonObject[]> {
    return JSON.parse(JSON.stringify(await this.#workflow.history(id))) as JsonObject[]
  }
}

/** `{execution}:{step}:{attempt}` of what runs, as the results of the steps and the history say it. */
function attemptsInFlight({ id, history, stepResults }: WorkflowExecution): string[] {
  const running = Object.values(stepResults).filter(({ status }) => status === 'running')
  return running.map(({ stepId }) => {
    const begun = history.findLast((entry) => entry.type === 'step_start' && entry.stepId === stepId)
    return `${id}:${stepId}:${begun?.attempt}`
  })
}

function thrown({ message, code, stack, cause, retryable }: Failure, retryAfter: string | undefined): Error {
  const error = new Error(message, cause === undefined ? {} : { cause: thrown(cause, undefined) })
  Object.defineProperty(error, 'stack', { value: stack })
  return Object.assign(error, {
    ...(code !== undefined && { code }),
    ...(retryable !== undefined && { retryable }),
    ...(retryAfter !== undefined && { retryAfter: span(retryAfter) }),
  })
}
