/**
 * The seed (`testdata/seed/workflow.do.md`), block by block: every TypeScript block in it is compiled strictly and run, as it
 * stands there but for the substitutions of `seed/blocks.ts`. Each test below is named after the heading that its block stands
 * below; a block without a test fails, and so does a test without a block. Time is simulated.
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test, type TestContext } from 'node:test'

import type { HistoryEntry, Workflow, WorkflowExecution, WorkflowOptions } from '../src/index.js'
import { SimulatedClock } from '../src/testing.js'
import { mistakes, Project } from './compiler/project.js'
import { API, comparison, members, TYPES } from './seed/api.js'
import { block, SEED, SUBSTITUTIONS, TYPESCRIPT, WRAPPED } from './seed/blocks.js'
import { shop } from './seed/mocks.js'
import * as programs from './seed/programs.js'

type Made<W extends Workflow = Workflow> = new (options: WorkflowOptions) => W

interface Orders {
  Shop: Made
  start(workflow: Workflow): Promise<WorkflowExecution>
  handleFailure(workflow: Workflow, execution: WorkflowExecution, console: { log(value: unknown): void }): Promise<void>
  after(workflow: Workflow, order: { orderId: string }): Promise<WorkflowExecution>
  control(workflow: Workflow, executionId: string): Promise<Controlled>
}

interface Controlled {
  history: HistoryEntry[]
  newExecution: WorkflowExecution
  failed: WorkflowExecution[] & { nextCursor?: string }
}

const ORDER = ['validate', 'reserve', 'charge', 'fulfill', 'notify']

/** Compiles and loads a program. */
async function load<Exports>(t: TestContext, program: string): Promise<Exports> {
  return await new Project(t, { 'program.ts': program }).load<Exports>('program.ts')
}

const orders = (t: TestContext) => load<Orders>(t, programs.ORDERS)

/** The first entry of this kind; the stream begins with what has happened already. */
async function entry(workflow: Workflow, id: string, wanted: (entry: HistoryEntry) => boolean): Promise<HistoryEntry> {
  for await (const entry of workflow.stream(id)) if (wanted(entry)) return entry
  return assert.fail('the execution ended before')
}

/** Lets time pass until the next attempt whenever one has failed. */
async function throughRetries(workflow: Workflow, id: string, clock: SimulatedClock): Promise<WorkflowExecution> {
  for await (const { data } of workflow.stream(id)) {
    if (data?.retryAt !== undefined && data.retryAt > clock.now()) await clock.advance(data.retryAt - clock.now())
  }
  return await workflow.wait(id)
}

const HANDLED: Record<string, (t: TestContext) => Promise<void>> = {
  async 'The Villain: Fragile Multi-Step Processes'() {
    const called: string[] = []
    const mocks = {
      validatePayment: async () => called.push('validatePayment'),
      reserveInventory: async () => called.push('reserveInventory'),
      chargeCard: async () => {
        called.push('chargeCard')
        throw new Error('network timeout')
      },
      sendConfirmation: async () => called.push('sendConfirmation')
    }
    const processOrder = plainFunction('The Villain: Fragile Multi-Step Processes', mocks)
    await assert.rejects(processOrder({ orderId: 'ord_123' }), /network timeout/)
    assert.deepEqual(called, ['validatePayment', 'reserveInventory', 'chargeCard'], 'reserved, not charged, and nobody knows')
  },

  async 'Step 1: Define Your Workflow'(t) {
    const { Shop } = await orders(t)
    const { env, calls } = shop()
    await using workflow = new Shop({ store: ':memory:', env })
    assert.equal((await workflow.getDefinition('order-processing'))?.name, 'Process Customer Order')
    const { id } = await workflow.start('order-processing', { orderId: 'ord_123' })
    const execution = await workflow.wait(id)
    assert.equal(execution.status, 'completed')
    assert.deepEqual(execution.completedSteps, ORDER)
    assert.deepEqual(execution.stepResults['charge']?.output, { amount: 4200, source: 'card of ord_123' }, 'it saw `validate`')
    assert.deepEqual(calls, { validate: 1, reserve: 1, charge: 1, fulfill: 1, notify: 1 })
  },

  async 'Step 2: Start Executions'(t) {
    const { Shop, start } = await orders(t)
    await using workflow = new Shop({ store: ':memory:', env: shop().env })
    const started = await start(workflow)
    assert.deepEqual(started.input, { orderId: 'ord_123', customerId: 'cus_456' })
    assert.equal((await workflow.wait(started.id)).status, 'completed')
    const types = (await workflow.history(started.id)).map(({ type, stepId }) => `${type} ${stepId ?? ''}`.trim())
    assert.deepEqual(types, ['start', ...ORDER.flatMap((step) => [`step_start ${step}`, `step_complete ${step}`]), 'complete'])
  },

  async 'Step 3: Handle Failures Gracefully'(t) {
    const { Shop, start, handleFailure } = await orders(t)
    const clock = new SimulatedClock()
    const shopping = shop()
    await using workflow = new Shop({ store: ':memory:', env: shopping.env, clock })
    const charge = shopping.charge
    shopping.charge = () => {
      throw new Error('Card declined')
    }
    const { id } = await start(workflow)
    const failed = await throughRetries(workflow, id, clock)
    assert.deepEqual([failed.status, failed.error], ['failed', 'Card declined'])
    assert.deepEqual(shopping.calls, { validate: 1, reserve: 1, charge: 4 })
    assert.equal((await workflow.history(id)).length, 17)

    const logged: unknown[] = []
    const console = {
      log(value: unknown) {
        logged.push(value)
        // Whoever reads it has the customer give another card.
        shopping.charge = charge
      }
    }
    await handleFailure(workflow, failed, console)
    assertAsInComment(logged)

    const retried = await workflow.wait(id)
    assert.deepEqual([retried.status, retried.completedSteps], ['completed', ORDER])
    assert.deepEqual(shopping.calls, { validate: 1, reserve: 1, charge: 5, fulfill: 1, notify: 1 }, 'not from the beginning')
    const after = (await workflow.history(id)).slice(17).map(({ type, stepId, attempt }) => [type, stepId, attempt])
    assert.deepEqual(after.slice(0, 2), [['retry', undefined, undefined], ['step_start', 'charge', 5]])
  },

  async 'BEFORE: 50 Lines of Fragile Chaos'() {
    const called: string[] = []
    const waited: number[] = []
    const reported: unknown[][] = []
    const mocks = {
      validatePayment: async () => called.push('validatePayment'),
      reserveInventory: async () => called.push('reserveInventory'),
      chargeCard: async () => {
        called.push('chargeCard')
        throw new Error('network timeout')
      },
      setTimeout: (run: () => void, ms: number) => {
        waited.push(ms)
        run()
      },
      console: { error: (...values: unknown[]) => reported.push(values) }
    }
    const processOrder = plainFunction('BEFORE: 50 Lines of Fragile Chaos', mocks)
    await processOrder({ orderId: 'ord_123' })
    assert.deepEqual(called, ['validatePayment', 'reserveInventory', 'chargeCard', 'chargeCard', 'chargeCard'])
    assert.deepEqual(waited, [1000, 2000])
    assert.equal(reported[0]?.[0], 'Failed somewhere')
  },

  async 'AFTER: 15 Lines of Declarative Durability'(t) {
    const { Shop, after } = await orders(t)
    const { env, calls } = shop()
    await using workflow = new Shop({ store: ':memory:', env })
    const started = await after(workflow, { orderId: 'ord_124' })
    assert.equal(started.workflowVersion, 2, 'without the name it is another version than that of `setup()`')
    const execution = await workflow.wait(started.id)
    assert.deepEqual([execution.status, execution.completedSteps], ['completed', ORDER])
    assert.deepEqual(calls, { validate: 1, reserve: 1, charge: 1, fulfill: 1, notify: 1 })
  },

  async 'Conditional Branching'(t) {
    const { FraudCheck } = await load<{ FraudCheck: Made }>(t, programs.FRAUD_CHECK)
    await using workflow = new FraudCheck({ store: ':memory:' })
    const ends = async (risk: number) => {
      const { id } = await workflow.start('fraud-check', { risk })
      const { status, stepResults, output } = await workflow.wait(id)
      return [status, stepResults['auto-approve']?.status, stepResults['manual-review']?.status, output]
    }
    assert.deepEqual(await ends(0.29), ['completed', 'completed', 'skipped', { 'auto-approve': 'approved' }])
    assert.deepEqual(await ends(0.3), ['completed', 'skipped', 'completed', { 'manual-review': 'queued' }])
  },

  async 'Wait States (Days, Not Milliseconds)'(t) {
    const { Onboarding } = await load<{ Onboarding: Made }>(t, programs.ONBOARDING)
    const clock = new SimulatedClock()
    const sent: string[] = []
    await using workflow = new Onboarding({ store: ':memory:', env: { sent }, clock })
    const { id } = await workflow.start('onboarding')
    const { data } = await entry(workflow, id, ({ type }) => type === 'wait')
    const waiting = await workflow.status(id)
    assert.equal(waiting?.status, 'waiting')
    assert.deepEqual(waiting.stepResults['wait']?.waitingFor?.type, 'timer')
    assert.equal(data?.until, clock.now() + 3 * 24 * 60 * 60 * 1000)

    await clock.advance(3 * 24 * 60 * 60 * 1000 - 1)
    assert.deepEqual(sent, ['welcome'], 'not a millisecond early')
    assert.equal((await workflow.status(id))?.status, 'waiting')
    await clock.advance(1)
    assert.equal((await workflow.wait(id)).status, 'completed')
    assert.deepEqual(sent, ['welcome', 'tips'])
  },

  async 'Event-Driven Triggers'(t) {
    const { lifecycle } = await load<{ lifecycle(workflow: Workflow): Promise<void> }>(t, programs.CUSTOMERS)
    const { Shop } = await orders(t)
    await using workflow = new Shop({ store: ':memory:', env: shop().env })
    await lifecycle(workflow)
    const [created, ...others] = await workflow.listExecutions({ workflowId: 'customer-lifecycle' })
    assert.deepEqual(created?.input, { id: 'cus_123' })
    assert.deepEqual(created.triggeredBy, { type: 'event', source: 'Customer.created' })
    assert.deepEqual(others, [])
    assert.equal((await workflow.wait(created.id)).status, 'completed')

    const started = async (event: string, data: unknown) => (await workflow.handleEvent(event, data)).map(({ input }) => input)
    const upgraded = { id: 'cus_123', plan: 'enterprise' }
    assert.deepEqual(await started('Customer.upgraded', upgraded), [upgraded])
    assert.deepEqual(await started('Customer.upgraded', { id: 'cus_123', plan: 'pro' }), [], 'another plan')
    assert.deepEqual(await started('Customer.upgraded', { id: 'cus_123' }), [], 'no plan')
    assert.deepEqual(await started('Customer.deleted', upgraded), [], 'another event')
  },

  async 'Resilient Error Handling'(t) {
    interface Program {
      Resilient: Made
      register(workflow: Workflow): Promise<void>
    }
    const { Resilient, register } = await load<Program>(t, programs.RESILIENT)
    const clock = new SimulatedClock()
    let failures = 0
    const attempts: number[] = []
    const env = {
      callExternalApi() {
        attempts.push(clock.now())
        if (attempts.length <= failures) throw new Error(`down ${attempts.length}`)
        return 'answered'
      },
      handleFailure: (): unknown => 'nothing to do'
    }
    await using workflow = new Resilient({ store: ':memory:', env, clock })
    await register(workflow)

    // It registers as it is written; what is probably not meant is said.
    const written = (await workflow.getDefinition('resilient-workflow')) ?? assert.fail('it was not registered')
    const { diagnostics } = await workflow.register(written)
    assert.deepEqual(diagnostics.map(({ severity, pointer, code }) => [severity, pointer, code]), [
      ['warning', '/steps/1/errorBranch', 'error_branch_is_no_step'],
      ['hint', '/steps/1', 'handler_runs_at_start']
    ])
    assert.match(diagnostics[0]?.message ?? '', /there is no step `notify-admin`/)
    assert.match(diagnostics[1]?.help ?? '', /give `risky-step` `onError: 'branch', errorBranch: 'fallback'`/)

    const run = async (failing: number) => {
      failures = failing
      attempts.length = 0
      const { id } = await workflow.start('resilient-workflow')
      return await throughRetries(workflow, id, clock)
    }
    const good = await run(5)
    assert.deepEqual([good.status, good.output], ['completed', { 'risky-step': 'answered', fallback: 'nothing to do' }])
    assert.deepEqual(attempts.map((at, index) => at - (attempts[index - 1] ?? at)), [0, 60_000, 60_000, 60_000, 60_000, 60_000])
    assert.equal(good.stepResults['risky-step']?.retries, 4, 'the sixth attempt was good')

    const bad = await run(6)
    assert.deepEqual([bad.status, bad.error, bad.stepResults['risky-step']?.retries], ['failed', 'down 6', 5])

    // `notify-admin` is no step of this workflow: it is a workflow.
    env.handleFailure = () => {
      throw new Error('no answer')
    }
    const unhandled = await run(0)
    assert.equal(unhandled.status, 'failed')
    assert.match(unhandled.error ?? '', /no answer/)
    await workflow.register({ id: 'notify-admin', steps: [{ id: 'tell', action: 'tellAdmin' }] })
    const handled = await run(0)
    assert.equal(handled.status, 'completed')
    const [handler] = await workflow.listExecutions({ workflowId: 'notify-admin' })
    assert.deepEqual(handler?.triggeredBy, { type: 'error', source: handled.id })
    assert.equal((await workflow.wait(handler.id)).output, 'fallback: no answer')
  },

  async 'Complete Execution Control'(t) {
    const { Shop, start, control } = await orders(t)
    const shopping = shop()
    const charge = shopping.charge
    await using workflow = new Shop({ store: ':memory:', env: shopping.env })
    shopping.charge = () => {
      throw Object.assign(new Error('Card stolen'), { retryable: false })
    }
    const stolen: string[] = []
    for (let order = 0; order < 12; order++) stolen.unshift((await workflow.wait((await start(workflow)).id)).id)

    // One whose charge has not been answered.
    let answer = () => {}
    shopping.charge = (request) => new Promise((resolve) => (answer = () => resolve(charge(request))))
    const { id, input } = await start(workflow)
    await entry(workflow, id, ({ type, stepId }) => type === 'step_start' && stepId === 'charge')
    const answerFirst = answer
    const { history, newExecution, failed } = await control(workflow, id)

    assert.deepEqual(history.slice(-4).map(({ type }) => type), ['pause', 'resume', 'step_cancel', 'cancel'])
    assert.equal((await workflow.status(id))?.status, 'cancelled')
    assert.notEqual(newExecution.id, id)
    assert.deepEqual([newExecution.replayOf, newExecution.input], [id, input])
    assert.deepEqual(newExecution.triggeredBy, { type: 'replay', source: id })
    assert.deepEqual(failed.map((execution) => execution.id), stolen.slice(0, 10), 'the newest ten')
    for (const { status, error, completedSteps } of failed) {
      assert.deepEqual([status, error, completedSteps], ['failed', 'Card stolen', ['validate', 'reserve']])
    }
    assert.equal(failed.nextCursor, stolen[9])

    answerFirst()
    await entry(workflow, newExecution.id, ({ type, stepId }) => type === 'step_start' && stepId === 'charge')
    answer()
    assert.deepEqual((await workflow.wait(newExecution.id)).completedSteps, ORDER)
    assert.deepEqual(await workflow.history(id), history, 'the late answer of a cancelled order changes nothing')
  },

  async 'Workflow Class'() {
    assert.equal(members(API).length, 14)
    assert.deepEqual(mistakes({ 'api.ts': comparison(API, TYPES) }), [])
  },

  async Types() {
    assert.equal(members(TYPES).length, 12 + 13)
    // Another type in the seed is noticed, for each of its members.
    const otherwise = (text: string) =>
      members(text).reduceRight((text, { start, end }) => `${text.slice(0, start)}{ another: 'type' }${text.slice(end)}`, text)
    const changed = comparison(otherwise(API), otherwise(TYPES))
    const noticed = new Set(mistakes({ 'api.ts': changed }).map(({ line }) => changed.split('\n')[line - 1]))
    for (const { of, name } of [...members(API), ...members(TYPES)]) {
      const line = changed.split('\n').find((line) => line.includes(` Method_${name} `) || line.includes(` Field_${of}_${name} `))
      assert.ok(noticed.has(line), `\`${of}.${name}\` may be anything`)
    }
  }
}

describe('every TypeScript block of the seed runs', () => {
  for (const { heading, line } of TYPESCRIPT) {
    test(heading, HANDLED[heading] ?? (() => assert.fail(`nothing handles the block in line ${line}`)))
  }
})

describe('the seed is taken as it is', () => {
  test('it is the text that this package was built for', () => {
    const words = '8ed3162210bf4a0ca148b87fbf0e8337cac37f292e24a5656df7e153ce5a53bc'
    assert.equal(createHash('sha256').update(SEED).digest('hex'), words)
  })

  test('nothing is handled that it does not have', () => {
    const headings = TYPESCRIPT.map(({ heading }) => heading)
    assert.deepEqual(Object.keys(HANDLED), headings)
    const changed = [...SUBSTITUTIONS.map(({ heading }) => heading), ...WRAPPED]
    for (const heading of changed) assert.ok(headings.includes(heading), heading)
  })

  for (const substitution of SUBSTITUTIONS) {
    test(`\`${substitution.from}\` has to be replaced, because ${substitution.because}`, () => {
      const { heading } = substitution
      const without = block(heading, SUBSTITUTIONS.filter((other) => other !== substitution))
      const program = Object.values(programs).find((program) => typeof program === 'string' && program.includes(block(heading)))
      const found = mistakes({ 'unchanged.ts': String(program).replace(block(heading), without) })
      assert.ok(found.length >= 1)
      assert.throws(() => block(heading, [{ ...substitution, times: substitution.times + 1 }]), /expected/)
    })
  }
})

/** One of the functions that the seed warns of: JavaScript, which knows its mocks by their names. */
function plainFunction(heading: string, mocks: object): (order: object) => Promise<void> {
  const make = new Function(...Object.keys(mocks), `${block(heading)}\nreturn processOrder`)
  return make(...Object.values(mocks)) as (order: object) => Promise<void>
}

/** The log is what the comment in the block says: these steps, in this order, with these fields. */
function assertAsInComment(logged: unknown[]): void {
  const lines = block('Step 3: Handle Failures Gracefully').split('\n').map((line) => line.trim())
  const comment = lines.slice(lines.indexOf('// {'), lines.indexOf('// }') + 1).map((line) => line.replace('//', ''))
  const some = { some: 'output' }
  const shown = new Function('some', `return (${comment.join('\n').replaceAll('{...}', 'some')})`)(some) as Record<string, object>
  assert.deepEqual(Object.keys(shown), ['validate', 'reserve', 'charge'], 'the comment is still there')
  assert.equal(logged.length, 1)
  const results = logged[0] as WorkflowExecution['stepResults']
  assert.deepEqual(Object.keys(results), Object.keys(shown))
  for (const [step, fields] of Object.entries(shown)) {
    for (const [name, expected] of Object.entries(fields)) {
      const actual = results[step]?.[name as keyof (typeof results)[string]]
      if (expected === some) assert.equal(typeof actual, 'object', `${step}.${name}`)
      else assert.deepEqual(actual, expected, `${step}.${name}`)
    }
  }
}
