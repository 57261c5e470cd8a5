/** What becomes of whatever an action returns or throws. */

import assert from 'node:assert/strict'
import test from 'node:test'
import { Actions } from '../src/actions.js'
import { deferred } from '../src/bridge.js'
import { type ActionContext, NonRetryableError, Workflow, WorkflowError } from '../src/index.js'
import type { Failure, WorkflowExecution } from '../src/index.js'

/** Runs one step whose action is this, and answers how it ended. */
async function outcome(act: (context: ActionContext) => unknown, step: object = {}): Promise<WorkflowExecution> {
  class One extends Workflow {
    override async setup() {
      await this.register({ id: 'one', steps: [{ id: 'only', action: 'act', ...step }] })
    }

    act(_params: object, _state: object, context: ActionContext) {
      return act(context)
    }
  }
  await using workflow = new One({ store: ':memory:' })
  const { id } = await workflow.start('one')
  return await workflow.wait(id)
}

async function failure(act: (context: ActionContext) => unknown, step: object = {}): Promise<Failure> {
  const execution = await outcome(act, step)
  assert.equal(execution.status, 'failed')
  const failed = execution.history.find(entry => entry.type === 'step_fail')
  assert.ok(failed?.data?.error)
  return failed.data.error
}

test('an output is what JSON makes of it', async () => {
  const values: [unknown, unknown][] = [
    [{ total: 42.5, items: ['a', null] }, { total: 42.5, items: ['a', null] }],
    ['text with "quotes", \n and ✓', 'text with "quotes", \n and ✓'],
    [0, 0],
    [false, false],
    [null, null],
    [NaN, null],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [{ kept: 1, left: undefined, alsoLeft: () => 1 }, { kept: 1 }],
    [{ toJSON: () => 'its own form' }, 'its own form'],
    [new Map([['a', 1]]), {}],
    ['\ud800', '\ud800']
  ]
  for (const [returned, output] of values) {
    const execution = await outcome(() => returned)
    assert.equal(execution.status, 'completed')
    assert.deepEqual(execution.output, output)
  }
})

test('undefined, a function and a symbol are no output', async () => {
  for (const returned of [undefined, () => 1, Symbol('s'), Promise.resolve()]) {
    const execution = await outcome(() => returned)
    assert.equal(execution.status, 'completed')
    assert.equal(Object.hasOwn(execution.stepResults['only'] ?? {}, 'output'), false)
  }
})

test('what is awaited may be a promise of another library, or none', async () => {
  const thenable = { then: (resolve: (value: string) => void) => resolve('later') }
  assert.equal((await outcome(() => thenable)).output, 'later')
  assert.equal((await outcome(() => 'at once')).output, 'at once')
})

test('what JSON cannot hold fails the attempt for good', async () => {
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  const deep = JSON.parse('['.repeat(200) + ']'.repeat(200)) as unknown
  const throwing = {
    toJSON() {
      throw new Error('no form')
    }
  }
  for (const [returned, pattern] of [[1n, /BigInt/], [cycle, /circular/], [deep, /nested deeper/], [throwing, /no form/]] as const) {
    const error = await failure(() => returned, { maxRetries: 3 })
    assert.equal(error.code, 'output_not_json')
    assert.match(error.message, pattern)
    assert.equal(error.retryable, false)
  }
})

test('an output over the limit fails the attempt for good, and says how long it is', async () => {
  const error = await failure(() => 'x'.repeat(1_500_000), { maxRetries: 3 })
  assert.equal(error.code, 'payload_too_large')
  assert.match(error.message, /1\.4 MiB/)
})

test('a synchronous throw and a rejection fail the attempt alike, with message, code, stack and causes', async () => {
  const thrown = () =>
    Object.assign(new TypeError('card declined', { cause: new Error('the bank', { cause: 'said no' }) }), { code: 'card_declined' })
  for (const act of [
    () => {
      throw thrown()
    },
    () => Promise.reject(thrown())
  ]) {
    const error = await failure(act)
    assert.equal(error.message, 'card declined')
    assert.equal(error.code, 'card_declined')
    assert.match(error.stack ?? '', /TypeError: card declined\n.*outcomes\.test/)
    assert.equal(error.cause?.message, 'the bank')
    assert.equal(error.cause?.cause?.message, 'said no')
    assert.equal(error.retryable, undefined)
  }
})

test('whatever is thrown is kept', async () => {
  const hostile = new Proxy(
    {},
    {
      get() {
        throw new Error('do not look')
      }
    }
  )
  const endless = new Error('again')
  endless.cause = endless
  const values: [unknown, string | RegExp][] = [
    ['a text', 'a text'],
    [null, 'null'],
    [undefined, 'undefined'],
    [42, '42'],
    [{ message: 'like an error', code: 'x' }, 'like an error'],
    [{ reason: 'unlike one' }, '{"reason":"unlike one"}'],
    [new RangeError(), 'RangeError'],
    [Symbol('why'), 'Symbol(why)'],
    [new Error('half \ud800 a character'), 'half \ufffd a character'],
    [hostile, /cannot be written|\{\}/],
    [endless, 'again']
  ]
  for (const [thrown, message] of values) {
    const error = await failure(() => {
      throw thrown
    })
    if (typeof message === 'string') assert.equal(error.message, message)
    else assert.match(error.message, message)
  }
})

test('an error that says so ends the retries at once', async () => {
  const errors = [new NonRetryableError('expired', { code: 'card_expired' }), Object.assign(new Error('expired'), { retryable: false })]
  for (const thrown of errors) {
    const execution = await outcome(
      () => {
        throw thrown
      },
      { maxRetries: 5 }
    )
    assert.equal(execution.stepResults['only']?.retries, 0)
    assert.equal(execution.error, 'expired')
  }
})

test('retryAfter, in milliseconds or as a duration, puts the next attempt off', async () => {
  for (const retryAfter of [7_200_000, '2h']) {
    class One extends Workflow {
      override async setup() {
        await this.register({ id: 'one', steps: [{ id: 'only', action: 'act', maxRetries: 1, retryDelay: '1s' }] })
      }

      act() {
        throw Object.assign(new Error('too many requests'), { retryAfter })
      }
    }
    await using workflow = new One({ store: ':memory:' })
    const { id } = await workflow.start('one')
    for await (const entry of workflow.stream(id)) {
      if (entry.type !== 'step_fail') continue
      assert.equal((entry.data?.retryAt ?? 0) - entry.timestamp, 7_200_000)
      break
    }
  }
})

test('a promise that never settles is timed out, and the signal says why', async () => {
  const reasons: unknown[] = []
  const execution = await outcome(
    context =>
      new Promise(() => {
        context.signal.addEventListener('abort', () => reasons.push(context.signal.reason))
      }),
    { timeout: '20ms' }
  )
  assert.equal(execution.status, 'failed')
  assert.equal(execution.error, 'timed out after 20ms')
  assert.equal(execution.errorCode, 'timeout')
  assert.equal(reasons.length, 1)
  assert.ok(reasons[0] instanceof WorkflowError)
  assert.equal(reasons[0].code, 'timeout')
})

test('an action that blocks the event loop is timed out all the same, and the process goes on', async () => {
  const execution = await outcome(
    () => {
      const until = performance.now() + 200
      while (performance.now() < until);
      return 'late'
    },
    { timeout: '50ms' }
  )
  assert.equal(execution.errorCode, 'timeout')
})

test('a cancelled execution aborts the signal', async () => {
  const begun = deferred<void>()
  const told = deferred<unknown>()
  class Listens extends Workflow {
    override async setup() {
      await this.register({ id: 'one', steps: [{ id: 'only', action: 'act' }] })
    }

    async act(_params: object, _state: object, { signal }: ActionContext) {
      begun.resolve()
      await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
      told.resolve(signal.reason)
    }
  }
  await using workflow = new Listens({ store: ':memory:' })
  const { id } = await workflow.start('one')
  await begun.promise
  assert.equal((await workflow.cancel(id)).status, 'cancelled')
  assert.equal(((await told.promise) as WorkflowError).code, 'cancelled')
})

test('a signal that an action asks for only after the abort is aborted already', async () => {
  const aborted = deferred<void>()
  const seen = deferred<AbortSignal>()
  const object = {
    act: async (_params: object, _state: object, context: ActionContext) => {
      await aborted.promise
      seen.resolve(context.signal)
    }
  }
  const results = { completed: () => {}, failed: () => {} }
  const actions = new Actions(object, () => ({}), () => results)
  const context = { executionId: 'e', workflowId: 'w', workflowVersion: 1, stepId: 's', attempt: 1, idempotencyKey: 'e:s', retryCount: 0 }
  actions.run([1, 'act', context, {}, {}])
  actions.abort(1, 'timeout')
  aborted.resolve()
  const signal = await seen.promise
  assert.equal(signal.aborted, true)
  assert.equal((signal.reason as WorkflowError).code, 'timeout')
})

test('params, state and context are what the step can see', async () => {
  const calls: unknown[] = []
  class Seen extends Workflow {
    override async setup() {
      await this.register({
        id: 'seen',
        context: { currency: 'EUR' },
        steps: [
          { id: 'first', action: 'first' },
          { id: 'second', action: 'second', dependsOn: ['first'], params: { total: '$.first.total' } }
        ]
      })
    }

    first() {
      return { total: 7 }
    }

    second(params: object, state: object, context: ActionContext) {
      const { signal, ...fields } = { ...context, signal: context.signal }
      calls.push(this, params, state, fields, signal.aborted)
    }
  }
  await using workflow = new Seen({ store: ':memory:' })
  const { id } = await workflow.start('seen', { orderId: 'o1' })
  await workflow.wait(id)
  assert.deepEqual(calls, [
    workflow,
    { orderId: 'o1', total: 7 },
    { currency: 'EUR', orderId: 'o1', first: { total: 7 } },
    {
      executionId: id,
      workflowId: 'seen',
      workflowVersion: 1,
      stepId: 'second',
      attempt: 1,
      idempotencyKey: `${id}:second`,
      retryCount: 0
    },
    false
  ])
})
