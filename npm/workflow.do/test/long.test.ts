/** Payloads that are long are the same to an action and its caller as short ones, though they are fetched when somebody looks. */

import assert from 'node:assert/strict'
import test from 'node:test'
import { inspect } from 'node:util'
import { Workflow, type WorkflowOptions } from '../src/index.js'

const TEXTS = ['x'.repeat(100_000), '“ü”\u{1F600}\n\\'.repeat(10_000), '\u0000\ud800"'.repeat(10_000)]
const ASKED = Symbol('nothing')

class Long extends Workflow {
  readonly seen: { state: Record<string, unknown>; json: string }[] = []

  override async setup() {
    const ids = ['a', 'short', 'b', 'c', 'look', 'keep']
    const action = (id: string) => (id === 'look' || id === 'keep' ? id : id === 'short' ? 'short' : 'long')
    await this.register({
      id: 'long',
      context: { currency: 'EUR', b: 'hidden' },
      steps: ids.map((id, at) => ({ id, action: action(id), ...(at > 0 && { dependsOn: [ids[at - 1] as string] }) }))
    })
  }

  async long(params: { texts: number[] }, state: Record<string, unknown>) {
    return { text: TEXTS[params.texts[Object.keys(state).length % 3] as number] }
  }

  short() {
    return 'short'
  }

  look(_: object, state: Record<string, unknown>) {
    this.seen.push({ state: structuredClone(state), json: JSON.stringify(state) })
    assert.equal(inspect(state), inspect({ ...state }))
    assert.equal(state['nothing'], undefined)
    assert.equal(Object.getPrototypeOf(state), Object.prototype)
    assert.equal(state['a'], state['a'], 'it is parsed once')
    state['a'] = ASKED
    assert.equal(state['a'], ASKED)
    delete state['b']
    assert.equal('b' in state, false)
    return TEXTS[1]
  }

  keep(_: object, state: Record<string, unknown>) {
    kept.push(state)
  }
}

const kept: Record<string, unknown>[] = []

async function check(options: WorkflowOptions<unknown>): Promise<void> {
  await using workflow = new Long(options)
  const { state, output, stepResults } = await workflow.startAndWait('long', { texts: [0, 1, 2] })
  const long = (id: string) => stepResults[id]?.output
  const expected = { currency: 'EUR', texts: [0, 1, 2], a: long('a'), short: 'short', b: long('b'), c: long('c') }
  for (const id of ['a', 'b', 'c']) assert.ok(TEXTS.map(text => JSON.stringify({ text })).includes(JSON.stringify(long(id))), id)
  assert.deepEqual(workflow.seen, [{ state: expected, json: JSON.stringify(expected) }])
  assert.deepEqual(state, { ...expected, look: TEXTS[1] })
  assert.equal(output, undefined)
  // Nobody has looked at it while the action ran, and everything else has been let go of.
  assert.deepEqual({ ...kept.pop() }, { ...expected, look: TEXTS[1] })
}

test('of an engine in this process', () => check({ store: ':memory:' }))

test('of a server', async () => {
  await using engine = new Workflow({ store: ':memory:' })
  const { url } = await engine.serve({ port: 0 })
  await check({ url })
})

test('an output that is too long or nested too deeply fails its step', async () => {
  class Wrong extends Workflow {
    override async setup() {
      for (const id of ['large', 'deep']) await this.register({ id, steps: [{ id: 'a', action: id }] })
    }
    large() {
      return 'x'.repeat(2 << 20)
    }
    deep() {
      return JSON.parse('['.repeat(200) + JSON.stringify('x'.repeat(20_000)) + ']'.repeat(200)) as unknown
    }
  }
  await using workflow = new Wrong({ store: ':memory:' })
  assert.equal((await workflow.startAndWait('large')).errorCode, 'payload_too_large')
  assert.equal((await workflow.startAndWait('deep')).errorCode, 'output_not_json')
})
