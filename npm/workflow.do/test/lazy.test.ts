/** An execution whose long fields are parsed when somebody looks is a plain object in everything that people do with objects. */

import assert from 'node:assert/strict'
import test from 'node:test'
import { inspect } from 'node:util'
import { Workflow, type WorkflowExecution } from '../src/index.js'
import { lazyExecution } from '../src/lazy.js'
import { OrderWorkflow } from './order.js'

const LONG = ['triggeredBy', 'input', 'state', 'output', 'completedSteps', 'stepResults', 'history'] as const

class Fails extends Workflow {
  override async setup() {
    await this.register({ id: 'fails', steps: [{ id: 'a', action: 'act' }] })
  }

  act() {
    throw Object.assign(new Error('“no”'), { code: 'declined' })
  }
}

/** The same execution as the HTTP API writes it. */
async function text(url: string, { id }: WorkflowExecution): Promise<string> {
  return await (await fetch(`${url}/api/v1/executions/${id}`)).text()
}

/** Each time another one that nobody has looked at. */
async function check(fresh: () => Promise<WorkflowExecution>, text: string): Promise<void> {
  const plain = JSON.parse(text) as WorkflowExecution
  assert.equal(JSON.stringify(await fresh()), JSON.stringify(plain))
  assert.equal(inspect(await fresh(), { depth: 9 }), inspect(plain, { depth: 9 }))
  assert.equal(inspect([await fresh()]), inspect([plain]))
  assert.deepStrictEqual(await fresh(), plain)
  assert.deepStrictEqual(plain, await fresh())
  assert.deepStrictEqual({ ...(await fresh()) }, plain)
  assert.deepStrictEqual(Object.entries(await fresh()), Object.entries(plain))
  assert.deepStrictEqual(Object.assign({}, await fresh()), plain)
  assert.deepStrictEqual(structuredClone(await fresh()), plain)
  assert.deepStrictEqual(Reflect.ownKeys({ ...(await fresh()) }), Reflect.ownKeys(plain))
  assert.equal(Object.getPrototypeOf(await fresh()), Object.prototype)
  const names: string[] = []
  for (const name in await fresh()) names.push(name)
  assert.deepStrictEqual(names, Object.keys(plain))
  const { history, ...rest } = await fresh()
  const { history: plainHistory, ...plainRest } = plain
  assert.deepStrictEqual([history, rest], [plainHistory, plainRest])
}

test('an execution is the plain object that the HTTP API writes, however it came', async () => {
  await using workflow = new OrderWorkflow({ store: ':memory:' })
  const { url } = await workflow.serve({ port: 0 })
  for (const orderId of ['a', 'ü ✓ \u{1F600}', 'a'.repeat(20_000), 'ü ✓ \u{1F600}'.repeat(5_000)]) {
    const { id } = await workflow.start('order-processing', { orderId })
    const ended = await workflow.wait(id)
    await check(() => workflow.wait(id), await text(url, ended))
    await check(async () => (await workflow.status(id)) as WorkflowExecution, await text(url, ended))
    const replayed = await workflow.wait((await workflow.replay(id)).id)
    assert.equal(replayed.replayOf, id)
    await check(() => workflow.wait(replayed.id), await text(url, replayed))
  }
  await using remote = new Workflow({ url })
  const [newest] = await remote.listExecutions({ limit: 1 })
  assert.ok(newest !== undefined)
  await check(() => remote.wait(newest.id), await text(url, newest))
})

test('an execution that failed has its error, and no output', async () => {
  await using workflow = new Fails({ store: ':memory:' })
  const { url } = await workflow.serve({ port: 0 })
  const { id } = await workflow.start('fails')
  const failed = await workflow.wait(id)
  assert.deepEqual([failed.error, failed.errorCode, 'output' in failed, 'replayOf' in failed], ['“no”', 'declined', false, false])
  await check(() => workflow.wait(id), await text(url, failed))
})

test('what was looked at stays the same object, and may be changed, replaced and deleted', async () => {
  await using workflow = new OrderWorkflow({ store: ':memory:' })
  const { id } = await workflow.start('order-processing', { orderId: 'a' })
  const execution = await workflow.wait(id)
  assert.equal(execution.state, execution.state)
  execution.state['mine'] = 1
  assert.equal(execution.state['mine'], 1)
  for (const name of LONG) {
    const fresh = await workflow.wait(id)
    Object.assign(fresh, { [name]: 'mine' })
    assert.equal(fresh[name], 'mine')
    assert.ok(inspect(fresh).includes(`${name}: 'mine'`))
    assert.equal(Reflect.deleteProperty(fresh, name), true)
    assert.equal(name in fresh, false)
    assert.equal(name in structuredClone(fresh), false)
  }
  const frozen = Object.freeze(await workflow.wait(id))
  assert.equal(frozen.history.length, execution.history.length)
  assert.throws(() => Object.assign(frozen, { history: [] }), TypeError)
  const child = Object.create(await workflow.wait(id)) as WorkflowExecution
  assert.deepEqual(child.completedSteps, execution.completedSteps)
  const proxy = new Proxy(await workflow.wait(id), {})
  assert.deepEqual(proxy.completedSteps, execution.completedSteps)
})

test('nothing is parsed before somebody looks', () => {
  const execution = lazyExecution(['exec_1', 'order', 1, 'completed', 5, 1, 2, 1], 'no JSON')
  const { id, workflowId, workflowVersion, status, currentStepIndex, startedAt, completedAt } = execution
  assert.deepEqual([id, workflowId, workflowVersion, status, currentStepIndex, startedAt, completedAt], ['exec_1', 'order', 1, 'completed', 5, 1, 2])
  for (const name of LONG) assert.throws(() => execution[name], SyntaxError)
})
