/** Processes that die: what SIGKILL leaves behind is found again, and nothing that was recorded runs a second time. */

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import type { HistoryEntry } from '../src/index.js'
import { Process, type Line } from './crash/process.js'
import { folder } from './folder.js'
import { cli } from './places.js'

const program = fileURLToPath(new URL('./crash/program.js', import.meta.url))
const STEPS = ['validatePayment', 'reserveInventory', 'chargeCard', 'fulfillOrder', 'sendConfirmation']

const node = (t: TestContext, options: object, ...held: string[]) => new Process(t, process.execPath, program, JSON.stringify(options), ...held)

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function serve(t: TestContext, store: string, port: number, ...more: string[]): Promise<Process> {
  const server = new Process(t, process.execPath, cli, 'serve', '--db', store, '--listen', `127.0.0.1:${port}`, ...more)
  await server.line((line) => line.includes(`127.0.0.1:${port}`))
  return server
}

const begun = (process: Process) => process.said('begun').map((line: Line) => line.begun)
const types = (history: HistoryEntry[], type: string) => history.filter((entry) => entry.type === type)

async function outcome(process: Process, id: string): Promise<{ history: HistoryEntry[]; status: string }> {
  process.say(`outcome ${id}`)
  return (await process.json({ history: undefined })) as unknown as { history: HistoryEntry[]; status: string }
}

test('a process that is killed in the middle of charge and started again finishes the order', async (t) => {
  const store = join(folder(t), 'orders.db')
  const first = node(t, { store }, 'chargeCard')
  await first.json({ ready: true })
  first.say('start ord_1')
  const id = String((await first.json({ started: undefined })).started)
  const charge = await first.json({ begun: 'chargeCard' })
  await first.kill()

  const second = node(t, { store })
  await second.json({ done: 'sendConfirmation' })
  const { history, status } = await outcome(second, id)
  assert.equal(status, 'completed')
  assert.deepEqual(begun(second), ['chargeCard', 'fulfillOrder', 'sendConfirmation'], 'what was recorded does not run again')
  assert.deepEqual(types(history, 'step_interrupted').map(({ stepId, attempt }) => [stepId, attempt]), [['charge', 1]])
  const again = await second.json({ begun: 'chargeCard' })
  assert.equal(again.attempt, 2)
  assert.equal(again.idempotencyKey, charge.idempotencyKey, 'so that the card is charged once')
  second.say('close')
  assert.equal(await second.exit(), 0)
})

test('a worker that is killed is replaced, and its attempt is recorded as interrupted after the grace', async (t) => {
  const port = await freePort()
  await serve(t, join(folder(t), 'orders.db'), port, '--worker-grace', '200ms')
  const url = `http://127.0.0.1:${port}`
  const first = node(t, { url }, 'chargeCard')
  await first.json({ ready: true })
  first.say('start ord_1')
  const id = String((await first.json({ started: undefined })).started)
  await first.json({ begun: 'chargeCard' })
  await first.kill()

  const second = node(t, { url })
  await second.json({ done: 'sendConfirmation' })
  const { history, status } = await outcome(second, id)
  assert.equal(status, 'completed')
  assert.deepEqual(begun(second), ['chargeCard', 'fulfillOrder', 'sendConfirmation'])
  assert.deepEqual(types(history, 'step_interrupted').map(({ stepId, attempt }) => [stepId, attempt]), [['charge', 1]])
  const sessions = new Set(types(history, 'step_start').map(({ data }) => (data as { session?: string }).session))
  assert.equal(sessions.size, 2, 'each attempt names the worker that ran it')
})

test('a server that is killed while a worker runs: the worker goes on, delivers what it finished meanwhile, and nothing runs twice', async (t) => {
  const [port, store] = [await freePort(), join(folder(t), 'orders.db')]
  const first = await serve(t, store, port)
  const worker = node(t, { url: `http://127.0.0.1:${port}` }, 'chargeCard')
  await worker.json({ ready: true })
  worker.say('start ord_1')
  const id = String((await worker.json({ started: undefined })).started)
  await worker.json({ begun: 'chargeCard' })
  await first.kill()
  worker.say('release chargeCard')
  await worker.json({ done: 'chargeCard' })

  await serve(t, store, port)
  await worker.json({ done: 'sendConfirmation' })
  const { history, status } = await outcome(worker, id)
  assert.equal(status, 'completed')
  assert.deepEqual(begun(worker), STEPS, 'each action ran once')
  assert.deepEqual(types(history, 'step_interrupted'), [])
})

test('a server that is killed twice while an action runs: it still runs once', async (t) => {
  const [port, store] = [await freePort(), join(folder(t), 'orders.db')]
  const worker = node(t, { url: `http://127.0.0.1:${port}` }, 'chargeCard')
  let server = await serve(t, store, port)
  await worker.json({ ready: true })
  worker.say('start ord_1')
  const id = String((await worker.json({ started: undefined })).started)
  await worker.json({ begun: 'chargeCard' })
  for (let round = 0; round < 2; round += 1) {
    await server.kill()
    server = await serve(t, store, port)
  }
  worker.say('release chargeCard')
  await worker.json({ done: 'sendConfirmation' })
  const { history, status } = await outcome(worker, id)
  assert.equal(status, 'completed')
  assert.deepEqual(begun(worker), STEPS)
  assert.deepEqual(types(history, 'step_interrupted'), [])
})

test('two processes on one file: the second is told who has it and what to do', async (t) => {
  const store = join(folder(t), 'orders.db')
  const first = node(t, { store })
  await first.json({ ready: true })
  const second = node(t, { store })
  const { error } = (await second.json({ error: undefined })) as { error: { code: string; message: string } }
  assert.equal(error.code, 'store_unavailable')
  assert.match(error.message, /workflow serve/)
  assert.match(error.message, /`?url`?/)
  assert.equal(await second.exit(), 1)
})
