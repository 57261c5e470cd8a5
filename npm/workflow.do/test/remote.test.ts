/** The same class with `url`: calls go to a server, and its actions run here. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { type TestContext } from 'node:test'
import { deferred } from '../src/bridge.js'
import { type ActionContext, type HistoryEntry, Workflow, WorkflowError } from '../src/index.js'
import { folder } from './folder.js'
import { OrderWorkflow } from './order.js'

/** A server in this process, which provides nothing itself. */
async function server(): Promise<{ url: string; engine: Workflow } & AsyncDisposable> {
  const engine = new Workflow({ store: ':memory:' })
  const { url } = await engine.serve({ port: 0 })
  return { url, engine, [Symbol.asyncDispose]: () => engine.close() }
}

/** A server in a process of its own, on a port that stays the same when it is started again. */
async function serverProcess(t: TestContext, store: string, port: number): Promise<{ url: string; port: number; process: ChildProcess }> {
  const index = new URL('../src/index.js', import.meta.url).href
  const script = `
    import { Workflow } from '${index}'
    const { port } = await new Workflow({ store: '${store}' }).serve({ port: ${port} })
    console.log(port)
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { url: `http://127.0.0.1:${line}`, port: Number(line), process: child }
}

test('the order runs at a server, its actions here', async () => {
  await using there = await server()
  await using workflow = new OrderWorkflow({ url: there.url, name: 'orders' })
  const { id } = await workflow.start('order-processing', { orderId: 'ord_1' })
  const execution = await workflow.wait(id)
  assert.equal(execution.output, 'thank you')
  assert.deepEqual(execution.stepResults['charge']?.output, { amount: 4200, source: 'card of ord_1' })
  assert.deepEqual(await there.engine.status(id), execution)
  assert.equal(Object.hasOwn(execution.stepResults['fulfill'] ?? {}, 'output'), false)
})

test('of several addresses one that is reached is enough, also when it is another one later', async t => {
  const store = join(folder(t), 'orders.db')
  const first = await serverProcess(t, store, 0)
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  await new Promise(closed => other.close(closed))
  await using workflow = new OrderWorkflow({ url: [`http://127.0.0.1:${port}`, first.url], name: 'orders' })
  assert.equal((await workflow.startAndWait('order-processing', { orderId: 'ord_1' })).output, 'thank you')

  first.process.kill('SIGKILL')
  await once(first.process, 'exit')
  await serverProcess(t, store, port)
  assert.equal((await workflow.startAndWait('order-processing', { orderId: 'ord_2' })).output, 'thank you')
})

test('params, state and context are the same as in the process', async () => {
  await using there = await server()
  const calls: unknown[] = []
  class Seen extends Workflow<{ Mail: { send(params: object): unknown } }> {
    override async setup() {
      const steps = [
        { id: 'act', action: 'act', params: { more: '$.input.orderId' } },
        { id: 'send', action: 'Mail.send', dependsOn: ['act'] }
      ]
      await this.register({ id: 'seen', context: { currency: 'EUR' }, steps })
    }

    act(params: object, state: object, context: ActionContext) {
      calls.push(params, state, { ...context }, context.signal.aborted)
      return null
    }
  }
  await using workflow = new Seen({ url: there.url, env: { Mail: { send: params => params } } })
  const { id } = await workflow.start('seen', { orderId: 'o1' })
  const execution = await workflow.wait(id)
  const context = { executionId: id, workflowId: 'seen', workflowVersion: 1, stepId: 'act', attempt: 1, idempotencyKey: `${id}:act`, retryCount: 0 }
  assert.deepEqual(calls, [{ orderId: 'o1', more: 'o1' }, { currency: 'EUR', orderId: 'o1' }, context, false])
  assert.equal(execution.stepResults['act']?.output, null)
  assert.deepEqual(execution.output, { orderId: 'o1' })
})

test('failures keep what was thrown, and an abort says why', async () => {
  await using there = await server()
  const reasons: unknown[] = []
  const told = deferred<void>()
  class Fails extends Workflow {
    override async setup() {
      await this.register({ id: 'throws', steps: [{ id: 'a', action: 'throws', maxRetries: 5, retryDelay: '0s' }] })
      await this.register({ id: 'big', steps: [{ id: 'a', action: 'big', maxRetries: 5 }] })
      await this.register({ id: 'hangs', steps: [{ id: 'a', action: 'hangs', timeout: '20ms' }] })
    }

    throws() {
      throw Object.assign(new TypeError('declined'), { code: 'card_declined', retryable: false })
    }

    big() {
      return 'x'.repeat(1_500_000)
    }

    hangs(_params: object, _state: object, { signal }: ActionContext) {
      signal.addEventListener('abort', () => {
        reasons.push((signal.reason as WorkflowError).code)
        told.resolve()
      })
      return new Promise(() => {})
    }
  }
  await using workflow = new Fails({ url: there.url })
  const ended = async (id: string) => await workflow.wait((await workflow.start(id)).id)
  const thrown = await ended('throws')
  const failure = thrown.history.find(entry => entry.type === 'step_fail')?.data?.error
  assert.deepEqual([failure?.message, failure?.code, failure?.retryable], ['declined', 'card_declined', false])
  assert.match(failure?.stack ?? '', /remote\.test/)
  assert.equal((await ended('big')).errorCode, 'payload_too_large')
  assert.equal((await ended('hangs')).errorCode, 'timeout')
  await told.promise
  assert.deepEqual(reasons, ['timeout'])
})

test('every call is refused as in the process', async () => {
  await using there = await server()
  await using workflow = new OrderWorkflow({ url: there.url })
  await assert.rejects(workflow.start('nope'), { name: 'WorkflowError', code: 'workflow_not_found', status: 404 })
  assert.equal(await workflow.status('exec_1'), null)
  assert.equal(await workflow.getDefinition('a/b?c#d'), null)
  await assert.rejects(workflow.history('../workflows'), { code: 'execution_not_found' })
  await assert.rejects(workflow.listExecutions({ limit: 0 }), { code: 'invalid_query' })
  await assert.rejects(workflow.serve({ port: 0 }), { code: 'not_supported' })
  const key = { idempotencyKey: 'ü ✓' }
  const { id } = await workflow.start('order-processing', { orderId: 'a' }, key)
  assert.equal((await workflow.start('order-processing', { orderId: 'a' }, key)).id, id)
  await workflow.handleEvent('E', {}, { id: '1', source: '/x' })
  await assert.rejects(
    (async function theCaller() {
      return await workflow.start('nope')
    })(),
    (error: Error) => /theCaller/.test(error.stack ?? '')
  )
})

test('a stream follows an execution at the server', async () => {
  await using there = await server()
  await using workflow = new OrderWorkflow({ url: there.url })
  const { id } = await workflow.start('order-processing', { orderId: 'ü✓' })
  const entries: HistoryEntry[] = []
  for await (const entry of workflow.stream(id)) entries.push(entry)
  assert.deepEqual(entries, await workflow.history(id))
})

test('concurrency bounds what runs here, and all of it is used', async () => {
  await using there = await server()
  const full = deferred<void>()
  let running = 0
  let most = 0
  class Bounded extends Workflow {
    override async setup() {
      await this.register({ id: 'wide', steps: Array.from({ length: 20 }, (_, index) => ({ id: `s${index}`, action: 'act' })) })
    }

    async act() {
      most = Math.max(most, ++running)
      if (running === 3) full.resolve()
      await full.promise
      // Whoever would be one too many has time to come.
      await new Promise(setImmediate)
      running--
    }
  }
  await using workflow = new Bounded({ url: there.url, concurrency: 3 })
  await workflow.wait((await workflow.start('wide')).id)
  assert.equal(most, 3)
})

test('a worker that is closed leaves in order: what runs is recorded, nothing is interrupted', async () => {
  await using there = await server()
  const begun = deferred<void>()
  const go = deferred<void>()
  const first = new OrderWorkflow({ url: there.url })
  first.chargeCard = async () => {
    begun.resolve()
    await go.promise
    return { amount: 1, source: 'the first' }
  }
  const { id } = await first.start('order-processing', { orderId: 'o' })
  await begun.promise
  const closing = first.close()
  go.resolve()
  await closing
  await assert.rejects(first.status(id), { code: 'closed' })
  await using second = new OrderWorkflow({ url: there.url })
  const execution = await second.wait(id)
  assert.deepEqual(execution.stepResults['charge']?.output, { amount: 1, source: 'the first' })
  assert.equal(execution.history.some(entry => entry.type === 'step_interrupted'), false)
})

test('a server that is killed and started again: calls wait for it, what ran meanwhile is delivered, and nothing runs twice', async t => {
  const store = join(folder(t), 'workflow.db')
  const first = await serverProcess(t, store, 0)
  await using workflow = new OrderWorkflow({ url: first.url })
  const begun = deferred<void>()
  const go = deferred<void>()
  let charges = 0
  workflow.chargeCard = async () => {
    charges += 1
    begun.resolve()
    await go.promise
    return { amount: 1, source: 'once' }
  }
  const { id } = await workflow.start('order-processing', { orderId: 'o' })
  const waiting = workflow.wait(id)
  const entries: HistoryEntry[] = []
  const streaming = (async () => {
    for await (const entry of workflow.stream(id)) entries.push(entry)
  })()
  await begun.promise
  const warned = once(process, 'warning') as Promise<[Error]>
  first.process.kill('SIGKILL')
  await once(first.process, 'exit')
  const [warning] = await warned
  assert.equal(warning.name, 'WorkflowWarning')
  assert.match(warning.message, new RegExp(`${first.url}.*connecting again`))
  go.resolve()
  const second = await serverProcess(t, store, first.port)
  assert.equal((await workflow.status(id))?.id, id)
  const execution = await waiting
  assert.deepEqual([execution.status, charges], ['completed', 1])
  await streaming
  assert.deepEqual(entries, await workflow.history(id))
  assert.equal(second.url, first.url)
})

test('startAndWait starts once, also when the server dies meanwhile', async t => {
  const store = join(folder(t), 'workflow.db')
  const first = await serverProcess(t, store, 0)
  await using workflow = new OrderWorkflow({ url: first.url })
  const begun = deferred<void>()
  const go = deferred<void>()
  workflow.chargeCard = async () => {
    begun.resolve()
    await go.promise
    return { amount: 1, source: 'once' }
  }
  const order = workflow.startAndWait('order-processing', { orderId: 'o' })
  await begun.promise
  process.once('warning', () => {})
  first.process.kill('SIGKILL')
  await once(first.process, 'exit')
  await serverProcess(t, store, first.port)
  go.resolve()
  const execution = await order
  assert.deepEqual([execution.status, execution.output], ['completed', 'thank you'])
  assert.deepEqual((await workflow.listExecutions()).map(({ id }) => id), [execution.id])
})

test('a server that is not there is named, after some tries', async t => {
  const gone = await server()
  await gone[Symbol.asyncDispose]()
  await using workflow = new OrderWorkflow({ url: gone.url })
  await assert.rejects(workflow.start('order-processing'), (error: WorkflowError) => {
    assert.equal(error.code, 'unreachable')
    assert.match(error.message, new RegExp(`cannot reach ${gone.url}: .*refused.*workflow serve`))
    return true
  })
  t.diagnostic('it tries for five seconds')
})

test('what answers at the address and is no workflow server is named', async t => {
  const other = createServer((_, response) => response.writeHead(404).end('<html>not here</html>')).listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  await using workflow = new OrderWorkflow({ url: `http://127.0.0.1:${(other.address() as AddressInfo).port}` })
  await assert.rejects(workflow.ready(), { code: 'invalid_answer', message: /status 404.*is it a workflow server/ })
})

test('what is no address of a server is refused', async () => {
  for (const url of ['127.0.0.1:4747', 'ftp://x', 'nonsense']) {
    await assert.rejects(new Workflow({ url }).ready(), { code: 'invalid_request', message: /`url` is '/ })
  }
  assert.throws(() => new Workflow({ url: 7 as unknown as string }), { code: 'invalid_request' })
  assert.throws(() => new Workflow({ url: 'http://127.0.0.1:1', store: 'x.db' }), { code: 'invalid_request', message: /both `store` and `url`/ })
})

test('where a server asks for a token, one is given, and nothing shows it', async () => {
  const adminToken = 'an-admin-token-of-more-than-32-characters'
  await using engine = new Workflow({ store: ':memory:' })
  const { url } = await engine.serve({ port: 0, adminToken })
  assert.equal((await fetch(`${url}/api/v1/executions`)).status, 401)
  await using stranger = new Workflow({ url })
  await assert.rejects(stranger.listExecutions(), (error: WorkflowError) => error.code === 'unauthorized' && error.status === 401)
  await using workflow = new OrderWorkflow({ url, token: adminToken })
  const { id } = await workflow.start('order-processing', { orderId: 'ord_1' })
  assert.equal((await workflow.wait(id)).output, 'thank you')
  // The engine's own process is not asked.
  assert.equal((await engine.status(id))?.status, 'completed')
  for (const wrong of [{ url, token: '' }, { token: adminToken }, { url, token: 'two\nlines' }]) {
    const refused = async () => {
      await using other = new Workflow(wrong)
      await other.listExecutions()
    }
    await assert.rejects(refused(), (error: WorkflowError) => error.code === 'invalid_request' && !error.message.includes(adminToken) && !error.message.includes('lines'))
  }
})

test('a server that other machines can reach does not start without a token', async () => {
  await using engine = new Workflow({ store: ':memory:' })
  await assert.rejects(engine.serve({ port: 0, host: '0.0.0.0' }), /can be reached from other machines, and there is no token/)
  await assert.rejects(engine.serve({ port: 0, adminToken: 'short' }), (error: WorkflowError) => /at least 32/.test(error.message) && !error.message.includes('short'))
})
