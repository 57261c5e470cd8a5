/** Every call: what it answers, and how it is refused. */

import assert from 'node:assert/strict'
import test from 'node:test'
import { deferred } from '../src/bridge.js'
import { type HistoryEntry, Workflow, type WorkflowDefinition, WorkflowError, type WorkflowExecution } from '../src/index.js'
import { SimulatedClock } from '../src/testing.js'
import { ORDER, OrderWorkflow } from './order.js'

const orders = () => new OrderWorkflow({ store: ':memory:' })

const WAITING: WorkflowDefinition = { id: 'waiting', steps: [{ id: 'wait', action: 'noop', wait: '3d' }] }

/** Fails until it is told otherwise. */
class Flaky extends Workflow {
  fails = true
  calls = 0

  override async setup() {
    await this.register({ id: 'flaky', steps: [{ id: 'pull', action: 'pull', maxRetries: 1, retryDelay: '1h' }] })
    await this.register({ id: 'strict', steps: [{ id: 'pull', action: 'pull' }] })
  }

  pull() {
    this.calls += 1
    if (this.fails) throw new Error('down')
    return this.calls
  }
}

test('register answers the version and what is doubtful, and the same again is the same version', async () => {
  await using workflow = orders()
  const first = await workflow.register(ORDER)
  assert.equal(first.version, 1)
  assert.deepEqual(first.diagnostics, [])
  const again = await workflow.register(first)
  assert.equal(again.version, 1)
  const changed = await workflow.register({ ...ORDER, name: 'Another name' })
  assert.equal(changed.version, 2)
  const doubtful = await workflow.register({
    id: 'doubtful',
    steps: [{ id: 'a', action: 'noop', onError: 'branch', errorBranch: 'no-such-step' }]
  })
  assert.equal(doubtful.diagnostics[0]?.severity, 'warning')
})

test('register refuses with everything that is wrong', async () => {
  await using workflow = orders()
  const wrong = { id: 'wrong', steps: [{ id: 'a', action: 'x', dependsOn: ['b'], wait: 'soon' }] } as unknown as WorkflowDefinition
  await assert.rejects(workflow.register(wrong), (error: WorkflowError) => {
    assert.equal(error.code, 'invalid_definition')
    assert.equal(error.status, 422)
    assert.deepEqual(error.diagnostics?.map(({ pointer }) => pointer).sort(), ['/steps/0/dependsOn/0', '/steps/0/wait'])
    return true
  })
  for (const definition of [{}, { id: 7 }, { id: '' }, null, undefined, 'order', []]) {
    await assert.rejects(workflow.register(definition as unknown as WorkflowDefinition), { name: 'WorkflowError' })
  }
})

test('definitions are read by version, listed and deleted', async () => {
  await using workflow = orders()
  await workflow.register({ ...ORDER, name: 'Second' })
  assert.equal((await workflow.getDefinition('order-processing'))?.version, 2)
  assert.equal((await workflow.getDefinition('order-processing', 1))?.name, 'Process Customer Order')
  assert.equal(await workflow.getDefinition('order-processing', 3), null)
  assert.equal(await workflow.getDefinition('no such id'), null)
  assert.deepEqual(
    (await workflow.listDefinitions()).map(({ id, version }) => [id, version]),
    [['order-processing', 2]]
  )
  assert.equal(await workflow.deleteDefinition('order-processing'), true)
  assert.equal(await workflow.deleteDefinition('order-processing'), false)
  assert.equal(await workflow.getDefinition('order-processing'), null)
  await assert.rejects(workflow.start('order-processing'), { code: 'workflow_not_found', status: 404 })
})

test('a start is idempotent by its key, and refuses another input under it', async () => {
  await using workflow = orders()
  const key = { idempotencyKey: 'order ✓ 1' }
  const first = await workflow.start('order-processing', { orderId: 'a' }, key)
  const again = await workflow.start('order-processing', { orderId: 'a' }, key)
  assert.equal(again.id, first.id)
  await assert.rejects(workflow.start('order-processing', { orderId: 'b' }, key), { code: 'idempotency_key_reused', status: 422 })
  await assert.rejects(workflow.start('order-processing', {}, { idempotencyKey: 7 as unknown as string }), {
    code: 'invalid_request',
    message: '`idempotencyKey` is 7: expected a text'
  })
  for (const idempotencyKey of ['', 'two\nlines', 'x'.repeat(256)]) {
    await assert.rejects(workflow.start('order-processing', {}, { idempotencyKey }), { name: 'WorkflowError' })
  }
})

test('an input is an object that JSON can hold', async () => {
  await using workflow = orders()
  const start = (input: unknown) => workflow.start('order-processing', input as object)
  await assert.rejects(start([1]), { code: 'invalid_input' })
  await assert.rejects(start('text'), { code: 'invalid_input' })
  await assert.rejects(start({ big: 1n }), { code: 'invalid_request', message: /the input cannot be written as JSON: .*BigInt/ })
  await assert.rejects(
    start(() => 1),
    { code: 'invalid_request', message: 'the input is a function: expected what JSON can hold' }
  )
  await assert.rejects(start({ text: 'x'.repeat(2 << 20) }), { code: 'payload_too_large', status: 413 })
  assert.deepEqual((await workflow.start('order-processing')).input, {})
})

test('ids are checked: what is none is refused or unknown, and leads to no other route', async () => {
  await using workflow = orders()
  for (const id of [undefined, null, 7, {}] as unknown as string[]) {
    await assert.rejects(workflow.status(id), { code: 'invalid_request', message: /the execution id is .*: expected a text/ })
    await assert.rejects(workflow.start(id), { code: 'invalid_request' })
    assert.throws(() => workflow.stream(id), { code: 'invalid_request' })
  }
  for (const id of ['', '.', '..']) await assert.rejects(workflow.status(id), { code: 'invalid_request' })
  for (const id of ['exec_1', 'a/b', '?x=1', '#', '%2e', 'ü', '\ud800', '../workflows', `exec_${'0'.repeat(32)}`]) {
    assert.equal(await workflow.status(id), null, id)
    await assert.rejects(workflow.history(id), { code: 'execution_not_found', status: 404 })
    await assert.rejects(workflow.wait(id), { code: 'execution_not_found' })
    await assert.rejects(workflow.pause(id), { code: 'execution_not_found' })
    await assert.rejects(workflow.stream(id).next(), { code: 'execution_not_found' })
  }
})

test('an error leads to the line that made the call', async () => {
  await using workflow = orders()
  async function theCaller() {
    return await workflow.start('no-such-workflow')
  }
  await assert.rejects(theCaller(), (error: WorkflowError) => {
    assert.ok(error instanceof WorkflowError && error instanceof Error)
    assert.equal(String(error), `WorkflowError: ${error.message}`)
    assert.match(error.stack ?? '', /theCaller.*calls\.test/)
    return true
  })
})

test('an execution is paused, resumed and cancelled; the wrong status refuses and names both', async () => {
  await using workflow = orders()
  await workflow.register(WAITING)
  const { id } = await workflow.start('waiting')
  assert.equal((await workflow.pause(id)).status, 'paused')
  await assert.rejects(workflow.pause(id), { code: 'invalid_state', status: 409, message: /pause.*paused/ })
  assert.equal((await workflow.pause(id, { idempotencyKey: 'p' }).catch(error => error)).code, 'invalid_state')
  assert.equal((await workflow.resume(id)).status, 'waiting')
  const once = { idempotencyKey: 'c1' }
  assert.equal((await workflow.cancel(id, once)).status, 'cancelled')
  assert.equal((await workflow.cancel(id, once)).status, 'cancelled', 'the same call again')
  await assert.rejects(workflow.resume(id), { code: 'invalid_state' })
})

test('an execution that has ended is deleted for good, and one that has not is refused', async () => {
  await using workflow = orders()
  await workflow.register(WAITING)
  const { id } = await workflow.start('waiting', {}, { idempotencyKey: 'k' })
  await assert.rejects(workflow.deleteExecution(id), { code: 'invalid_state', status: 409, message: /waiting; cancel it first/ })
  await workflow.cancel(id)
  assert.equal(await workflow.deleteExecution(id), true)
  assert.equal(await workflow.status(id), null)
  await assert.rejects(workflow.history(id), { code: 'execution_not_found' })
  assert.equal(await workflow.deleteExecution(id), false)
  assert.notEqual((await workflow.start('waiting', {}, { idempotencyKey: 'k' })).id, id, 'its key is free')
})

test('executions are kept for as long as they are wanted, on the clock', async () => {
  const clock = new SimulatedClock()
  await using workflow = new OrderWorkflow({ store: ':memory:', keep: { cancelled: '2d' }, clock })
  await workflow.register(WAITING)
  const { id } = await workflow.start('waiting')
  await workflow.cancel(id)
  await clock.advance('1d')
  assert.equal((await workflow.status(id))?.status, 'cancelled')
  await clock.advance('25h')
  assert.equal(await workflow.status(id), null)
  assert.throws(() => new Workflow({ keep: { done: '1d' } as object }), { message: /`keep` has no `done`: expected `completed`, `failed`, `cancelled`/ })
  assert.throws(() => new Workflow({ keep: { failed: 5 } as object }), { message: /`keep.failed` is 5: expected a duration/ })
  assert.throws(() => new Workflow({ url: 'http://127.0.0.1:1', keep: {} }), { message: /`keep` is given with `url`/ })
})

test('retry goes on from the failed step; replay starts anew', async () => {
  await using workflow = new Flaky({ store: ':memory:' })
  const { id } = await workflow.start('strict', { a: 1 })
  assert.equal((await workflow.wait(id)).error, 'down')
  workflow.fails = false
  await workflow.retry(id)
  const retried = await workflow.wait(id)
  assert.deepEqual([retried.status, retried.output, retried.id], ['completed', 2, id])

  const replayed = await workflow.replay(id)
  assert.deepEqual([replayed.replayOf, replayed.input], [id, { a: 1 }])
  const other = await workflow.replay(id, { input: { a: 2 }, idempotencyKey: 'again' })
  assert.deepEqual(other.input, { a: 2 })
  assert.equal((await workflow.replay(id, { input: { a: 2 }, idempotencyKey: 'again' })).id, other.id)
  await assert.rejects(workflow.retry(id), { code: 'invalid_state' })
})

test('runNow does not wait for the retry delay', async () => {
  await using workflow = new Flaky({ store: ':memory:' })
  const { id } = await workflow.start('flaky')
  for await (const entry of workflow.stream(id)) if (entry.type === 'step_fail') break
  workflow.fails = false
  await assert.rejects(workflow.runNow(id, 'nope'), { code: 'step_not_found' })
  await workflow.runNow(id, 'pull')
  assert.equal((await workflow.wait(id)).output, 2)
})

test('the history is complete, however long it is', async () => {
  await using workflow = orders()
  const steps = Array.from({ length: 600 }, (_, index) => ({ id: `s${index}`, action: 'noop' }))
  await workflow.register({ id: 'long', steps })
  const { id } = await workflow.start('long')
  const execution = await workflow.wait(id)
  assert.equal(execution.history.length, 1_000)
  assert.equal(execution.historyTruncated, true)
  const history = await workflow.history(id)
  assert.deepEqual(
    history.map(entry => entry.seq),
    Array.from({ length: history.length }, (_, index) => index + 1)
  )
  assert.ok(history.length > 1_000)
  assert.equal(history.at(-1)?.type, 'complete')
})

test('executions are listed whole, newest first, page by page', async () => {
  await using workflow = orders()
  const ids: string[] = []
  for (let index = 0; index < 5; index++) {
    const { id } = await workflow.start('order-processing', { index })
    ids.unshift(id)
    await workflow.wait(id)
  }
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await workflow.listExecutions({ limit: 2, ...(cursor === undefined ? {} : { cursor }) })
    for (const execution of page) {
      assert.deepEqual(execution, await workflow.status(execution.id))
      seen.push(execution.id)
    }
    cursor = page.nextCursor
  } while (cursor !== undefined)
  assert.deepEqual(seen, ids)
  assert.equal('nextCursor' in (await workflow.listExecutions()), false)
})

test('a list holds at most the newest 100 entries of each history', async () => {
  await using workflow = orders()
  await workflow.register({ id: 'long', steps: Array.from({ length: 100 }, (_, index) => ({ id: `s${index}`, action: 'noop' })) })
  const { id } = await workflow.start('long')
  await workflow.wait(id)
  const [listed] = await workflow.listExecutions({ workflowId: 'long' })
  assert.equal(listed?.history.length, 100)
  assert.equal(listed?.historyTruncated, true)
  assert.equal(listed?.completedSteps.length, 100)
})

test('lists are filtered by workflow, status and time', async () => {
  await using workflow = new Flaky({ store: ':memory:' })
  const failed = await workflow.start('strict')
  await workflow.wait(failed.id)
  workflow.fails = false
  const completed = await workflow.start('strict')
  await workflow.wait(completed.id)
  const ids = async (filters: Parameters<Workflow['listExecutions']>[0]) => (await workflow.listExecutions(filters)).map(({ id }) => id)
  assert.deepEqual(await ids({ status: 'failed' }), [failed.id])
  assert.deepEqual(await ids({ status: ['failed', 'completed'] }), [completed.id, failed.id])
  assert.deepEqual(await ids({ status: [] }), [])
  assert.deepEqual(await ids({ workflowId: 'other' }), [])
  assert.deepEqual(await ids({ startedBefore: 1 }), [])
  assert.deepEqual(await ids({ startedAfter: 1, limit: 1 }), [completed.id])
  await assert.rejects(ids({ limit: 0 }), { code: 'invalid_query', status: 400 })
  await assert.rejects(ids({ status: 'done' as 'failed' }), { code: 'invalid_query' })
  await assert.rejects(ids({ stats: 'failed' } as object), { code: 'invalid_query' })
})

test('an event starts every workflow with a matching trigger, and names those that refused', async () => {
  await using workflow = orders()
  const steps = [{ id: 'a', action: 'noop' }]
  await workflow.register({ id: 'welcome', triggers: [{ event: 'Customer.created' }], steps })
  await workflow.register({ id: 'big', triggers: [{ event: 'Customer.*', condition: 'plan === "enterprise"' }], steps })
  await workflow.register({ id: 'missing', triggers: [{ event: 'Customer.created' }], steps: [{ id: 'a', action: 'nobodyHasIt' }] })
  const started = await workflow.handleEvent('Customer.created', { plan: 'enterprise' })
  assert.deepEqual(started.map(({ workflowId }) => workflowId).sort(), ['big', 'welcome'])
  assert.deepEqual(
    started.refused.map(({ workflowId, code }) => [workflowId, code]),
    [['missing', 'action_missing']]
  )
  assert.deepEqual(started[0]?.triggeredBy, { type: 'event', source: 'Customer.created' })
  const none = await workflow.handleEvent('Customer.deleted')
  assert.deepEqual([none.length, none.refused], [0, []])
  await assert.rejects(workflow.handleEvent('two words'), { name: 'WorkflowError' })
})

test('an event with an id is handled once, for each source', async () => {
  await using workflow = orders()
  await workflow.register({ id: 'w', triggers: [{ event: 'E' }], steps: [{ id: 'a', action: 'noop' }] })
  const id = async (options?: object) => (await workflow.handleEvent('E', { a: 1 }, options))[0]?.id
  const first = await id({ id: 'evt_1' })
  assert.equal(await id({ id: 'evt_1' }), first)
  const sourced = await id({ id: 'evt_1', source: '/shop' })
  assert.notEqual(sourced, first)
  assert.equal(await id({ id: 'evt_1', source: '/shop' }), sourced)
  await assert.rejects(id({ source: '/shop' }), { code: 'invalid_request', message: /`source` and no `id`/ })
})

test('wait ends after its timeout with the execution as it is, or when its signal is aborted', async () => {
  await using workflow = orders()
  await workflow.register(WAITING)
  const { id } = await workflow.start('waiting')
  assert.equal((await workflow.wait(id, { timeout: 5 })).status, 'waiting')
  assert.equal((await workflow.wait(id, { timeout: '5ms' })).status, 'waiting')
  assert.equal((await workflow.wait(id, { timeout: 0 })).status, 'waiting')
  for (const timeout of ['soon', -1, NaN, {}] as unknown as number[]) {
    await assert.rejects(workflow.wait(id, { timeout }), { code: 'invalid_request', message: /`timeout`/ })
  }
  const reason = new Error('enough')
  const controller = new AbortController()
  const waiting = workflow.wait(id, { signal: controller.signal })
  setImmediate(() => controller.abort(reason))
  await assert.rejects(waiting, reason)
  await assert.rejects(workflow.wait(id, { signal: AbortSignal.abort(reason) }), reason)
})

test('startAndWait starts an execution and answers with it once it has ended', async () => {
  await using workflow = orders()
  const execution = await workflow.startAndWait('order-processing', { orderId: 'a' })
  assert.deepEqual([execution.status, execution.output], ['completed', 'thank you'])
  assert.deepEqual([execution.history, execution.historyTruncated], [[], true])
  const { history: _, historyTruncated: __, ...rest } = execution
  const { history, ...read } = (await workflow.status(execution.id)) as WorkflowExecution
  assert.deepEqual(rest, read)
  const whole = await workflow.startAndWait('order-processing', { orderId: 'a' }, { history: true })
  assert.equal(whole.history.length, history.length)
  assert.equal(whole.historyTruncated, undefined)

  const key = { idempotencyKey: 'once' }
  const first = await workflow.startAndWait('order-processing', { orderId: 'a' }, key)
  assert.equal((await workflow.startAndWait('order-processing', { orderId: 'a' }, key)).id, first.id)
  await assert.rejects(workflow.startAndWait('order-processing', { orderId: 'b' }, key), { code: 'idempotency_key_reused', status: 422 })
  await assert.rejects(workflow.startAndWait('nope'), { code: 'workflow_not_found', status: 404 })
  await assert.rejects(workflow.startAndWait('order-processing', [] as object), { code: 'invalid_input' })
})

test('startAndWait ends after its timeout with the execution as it is, or when its signal is aborted', async () => {
  await using workflow = orders()
  await workflow.register(WAITING)
  assert.equal((await workflow.startAndWait('waiting', {}, { timeout: '5ms' })).status, 'waiting')
  assert.equal((await workflow.startAndWait('waiting', {}, { timeout: 0, history: true })).workflowId, 'waiting')
  await assert.rejects(workflow.startAndWait('waiting', {}, { timeout: 'soon' as '1s' }), { code: 'invalid_request', message: /`timeout`/ })
  const reason = new Error('enough')
  const controller = new AbortController()
  const before = (await workflow.listExecutions()).length
  const waiting = workflow.startAndWait('waiting', {}, { signal: controller.signal })
  // On its way by then: what is aborted is the wait, not the start.
  setImmediate(() => setImmediate(() => controller.abort(reason)))
  await assert.rejects(waiting, reason)
  await assert.rejects(workflow.startAndWait('waiting', {}, { signal: AbortSignal.abort(reason) }), reason)
  assert.ok((await workflow.listExecutions()).length <= before + 1)
})

test('a stream has every entry once, from the beginning to the end, also while it happens', async () => {
  await using workflow = orders()
  const go = deferred<void>()
  workflow.chargeCard = async () => {
    await go.promise
    return { amount: 1, source: 'x' }
  }
  const { id } = await workflow.start('order-processing', { orderId: 'o' })
  const entries: HistoryEntry[] = []
  for await (const entry of workflow.stream(id)) {
    entries.push(entry)
    if (entry.stepId === 'charge' && entry.type === 'step_start') go.resolve()
  }
  assert.deepEqual(entries, await workflow.history(id))
  const after: number[] = []
  for await (const entry of workflow.stream(id, { after: 9 })) after.push(entry.seq)
  assert.deepEqual(after, entries.map(({ seq }) => seq).filter(seq => seq > 9))
  for await (const entry of workflow.stream(id, { after: entries.length })) assert.fail(`there is nothing after it, found ${entry.type}`)
  assert.throws(() => workflow.stream(id, { after: -1 }), { code: 'invalid_request' })
})

test('a stream of an execution with more and longer entries than are sent ahead', async () => {
  class Long extends Workflow {
    override async setup() {
      await this.register({ id: 'long', steps: Array.from({ length: 60 }, (_, index) => ({ id: `s${index}`, action: 'long' })) })
    }

    long() {
      return 'ü✓'.repeat(20_000)
    }
  }
  await using workflow = new Long({ store: ':memory:' })
  const { id } = await workflow.start('long')
  await workflow.wait(id)
  const streamed: HistoryEntry[] = []
  for await (const entry of workflow.stream(id)) streamed.push(entry)
  assert.deepEqual(streamed, await workflow.history(id))
})

test('return ends a stream that waits, and so does its signal', async () => {
  await using workflow = orders()
  await workflow.register(WAITING)
  const { id } = await workflow.start('waiting')
  const { length } = await workflow.history(id)
  const stream = workflow.stream(id, { after: length })
  const waiting = stream.next()
  await new Promise(setImmediate)
  await stream.return?.()
  assert.deepEqual(await waiting, { done: true, value: undefined })
  assert.deepEqual(await stream.next(), { done: true, value: undefined })

  const controller = new AbortController()
  const aborted = workflow.stream(id, { after: length, signal: controller.signal }).next()
  setImmediate(() => controller.abort())
  assert.deepEqual(await aborted, { done: true, value: undefined })
})

test('a stream of a workflow that is closed rejects', async () => {
  const workflow = orders()
  await workflow.register(WAITING)
  const { id } = await workflow.start('waiting')
  const { length } = await workflow.history(id)
  const waiting = workflow.stream(id, { after: length }).next()
  await new Promise(setImmediate)
  await workflow.close()
  await assert.rejects(waiting, { code: 'closed' })
})

test('serve offers the HTTP API of this engine, until it is closed', async () => {
  const workflow = orders()
  const { id } = await workflow.start('order-processing', { orderId: 'o' })
  const server = await workflow.serve({ port: 0 })
  assert.equal(server.url, `http://127.0.0.1:${server.port}`)
  const answer = await fetch(`${server.url}/api/v1/executions/${id}?wait=10s`)
  assert.equal(((await answer.json()) as { output: string }).output, 'thank you')
  await assert.rejects(workflow.serve({ port: server.port }), { code: 'cannot_serve', message: /cannot serve on 127\.0\.0\.1/ })
  for (const port of [-1, 65_536, 1.5, '80'] as number[]) await assert.rejects(workflow.serve({ port }), { code: 'invalid_request' })
  await server.close()
  await assert.rejects(fetch(server.url))
  const again = await workflow.serve({ port: 0 })
  assert.equal((await fetch(`${again.url}/healthz`)).status, 200)
  assert.equal((await fetch(`${again.url}/metrics`)).status, 200)
  await workflow.close()
  await assert.rejects(fetch(again.url))
})

test('a thousand starts and waits at the same time are all answered', async () => {
  await using workflow = orders()
  const executions = await Promise.all(
    Array.from({ length: 1_000 }, async (_, index) => {
      const { id } = await workflow.start('order-processing', { orderId: `o${index}` })
      return await workflow.wait(id)
    })
  )
  assert.ok(executions.every(({ status, input, stepResults }) => {
    const charged = stepResults['charge']?.output as { source: string }
    return status === 'completed' && charged.source === `card of ${input['orderId']}`
  }))
})
