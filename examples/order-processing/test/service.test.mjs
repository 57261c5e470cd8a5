import assert from 'node:assert/strict'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fault } from '../faults.mjs'
import { makeOrders } from '../make-orders.mjs'
import { createService } from '../service.mjs'

const orders = makeOrders()
const good = orders.find(({ orderId, card }) => !fault('chargeCard', orderId, 1) && !card.token.includes('declined'))
const declined = orders.find(({ orderId, card }) => !fault('chargeCard', orderId, 1) && card.token.includes('declined'))
const troubled = (trouble) => orders.find(({ orderId, card }) => fault('chargeCard', orderId, 1) === trouble && !card.token.includes('declined'))

test('GET / names the five actions', () =>
  withService(async ({ url }) => {
    assert.deepEqual(await (await fetch(url)).json(), {
      actions: ['validatePayment', 'reserveInventory', 'chargeCard', 'fulfillOrder', 'sendConfirmation'],
    })
  }))

test('the five actions of an order hand on what the next one needs', () =>
  withService(async (service) => {
    const validate = await output(service.call('validatePayment', good))
    assert.equal(validate.total, good.shipping.price + good.items.reduce((sum, { qty, price }) => sum + qty * price, 0))
    const reserve = await output(service.call('reserveInventory', good))
    const charge = await output(service.call('chargeCard', { ...good, ...payment(good, validate.total) }))
    assert.equal(charge.amount, validate.total)
    const fulfill = await output(service.call('fulfillOrder', { ...good, ...reserve, ...charge }))
    const notify = await output(service.call('sendConfirmation', { ...good, ...fulfill }))
    assert.equal(notify.to, good.email)
    assert.ok(notify.subject.includes(fulfill.trackingNumber))
  }))

test('a repeated key gets the saved charge and charges nothing', () =>
  withService(async (service) => {
    const first = await output(service.charge(good))
    assert.deepEqual(await output(service.charge(good, { attempt: 2 })), first)
    assert.equal(service.charges().length, 1)
  }))

test('a key that is called twice at the same time is charged once', () =>
  withService(async (service) => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => output(service.charge(good, { attempt: n + 2 }))))
    assert.equal(new Set(answers.map(({ chargeId }) => chargeId)).size, 1)
    assert.equal(service.charges().length, 1)
  }))

test('a charge that was answered is there after a restart, and a line cut short is not', async () => {
  const data = folder()
  try {
    let first
    await withService(async (service) => (first = await output(service.charge(good))), data)
    appendFileSync(join(data, 'charges.jsonl'), '{"time":1,"key":"exec_x:char')
    await withService(async (service) => {
      assert.equal((await service.stats()).charges, 1)
      assert.deepEqual(await output(service.charge(good, { attempt: 2 })), first)
      await output(service.charge(orders[2], { attempt: 2, executionId: 'exec_2' }))
    }, data)
    await withService(async (service) => assert.equal((await service.stats()).charges, 2), data)
  } finally {
    rmSync(data, { recursive: true })
  }
})

test('a key that was used for another amount is refused for good', () =>
  withService(async (service) => {
    await output(service.charge(good))
    const response = await service.call('chargeCard', { ...good, ...payment(good, 1) })
    assert.equal(response.status, 422)
    assert.equal((await response.json()).code, 'idempotency_key_reused')
  }))

test('a declined card is answered so that it is tried again, and is charged under the same key once it is fixed', () =>
  withService(async (service) => {
    const response = await service.charge(declined)
    assert.equal(response.status, 409)
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
    assert.equal((await response.json()).detail, 'Card declined')
    assert.equal(service.charges().length, 0)
    await fetch(`${service.url}/admin/cards/fix`, { method: 'POST' })
    assert.equal((await output(service.charge(declined, { attempt: 5 }))).status, 'succeeded')
    assert.equal(service.charges().length, 1)
  }))

test('an unavailable bank says when to come back, and has charged nothing', () =>
  withService(async (service) => {
    const response = await service.charge(troubled('unavailable'))
    assert.equal(response.status, 503)
    assert.equal(response.headers.get('retry-after'), '1')
    assert.equal(service.charges().length, 0)
    assert.equal((await service.charge(troubled('unavailable'), { attempt: 2 })).status, 200)
  }))

test('a connection that breaks before the charge has charged nothing, one that breaks after it has', () =>
  withService(async (service) => {
    await assert.rejects(service.charge(troubled('dropped'), { executionId: 'exec_a' }))
    assert.equal(service.charges().length, 0)
    await assert.rejects(service.charge(troubled('lost-answer'), { executionId: 'exec_b' }))
    assert.equal(service.charges().length, 1)
    assert.equal((await service.charge(troubled('lost-answer'), { executionId: 'exec_b', attempt: 2 })).status, 200)
    assert.equal(service.charges().length, 1)
  }))

test('a caller that dies between the charge and the answer finds its charge when it comes again', () =>
  withService(async (service) => {
    const order = troubled('silent')
    const caller = service.post('chargeCard', { ...order, ...payment(order, 100) })
    caller.once('error', () => {})
    while ((await service.stats()).chargesUnanswered === 0) await new Promise(setImmediate)
    caller.destroy()
    while ((await service.stats()).underWay > 0) await new Promise(setImmediate)
    assert.equal((await service.stats()).chargesUnanswered, 0)
    const again = await output(service.call('chargeCard', { ...order, ...payment(order, 100) }, { attempt: 2 }))
    assert.equal(again.amount, 100)
    await service.close()
    const log = service.calls().map(({ attempt, outcome, answered }) => [attempt, outcome, answered])
    assert.deepEqual(log, [[1, 'charged, silent', false], [2, 'charged before', true]])
    assert.equal(service.charges().length, 1)
  }))

test('calls are counted by idempotency key', () =>
  withService(async (service) => {
    await output(service.charge(good))
    await output(service.charge(good, { attempt: 2 }))
    const { calls, byAction, byKey } = await service.stats('?keys')
    assert.deepEqual({ calls, byAction, byKey }, { calls: 2, byAction: { chargeCard: 2 }, byKey: { 'exec_1:step': 2 } })
  }))

test('what is no call is refused: unknown action, wrong method, bad JSON, no context, an order without items', () =>
  withService(async (service) => {
    const status = async (path, options) => (await fetch(`${service.url}/${path}`, options)).status
    assert.equal(await status('refundCard', { method: 'POST', body: '{}' }), 404)
    assert.equal(await status('constructor', { method: 'POST', body: '{}' }), 404)
    assert.equal(await status('chargeCard'), 405)
    assert.equal(await status('chargeCard', { method: 'POST', body: '{' }), 400)
    assert.equal(await status('chargeCard', { method: 'POST', body: 'null' }), 400)
    assert.equal(await status('chargeCard', { method: 'POST', body: '{"params":{"orderId":"ord_1"}}' }), 400)
    assert.equal((await service.call('validatePayment', { ...good, items: [] })).status, 422)
    assert.equal((await service.call('validatePayment', { ...good, items: [{ sku: 'X', qty: -1, price: 100 }] })).status, 422)
  }))

test('faults strike the first attempt only, about one order in twenty', () => {
  const faults = orders.filter(({ orderId }) => fault('chargeCard', orderId, 1) ?? fault('reserveInventory', orderId, 1))
  assert.ok(faults.length > orders.length * 0.03 && faults.length < orders.length * 0.08, `${faults.length}`)
  assert.ok(orders.every(({ orderId }) => fault('chargeCard', orderId, 2) === undefined))
})

const payment = (order, amount) => ({ amount, currency: order.currency, source: order.card.token.replace('tok_', 'pm_') })

async function output(response) {
  response = await response
  assert.equal(response.status, 200, `status ${response.status}`)
  return response.json()
}

const folder = () => mkdtempSync(join(tmpdir(), 'order-service-'))

/** Runs `body` with a service without latencies on a free port; its folder is removed unless it was given. */
async function withService(body, data) {
  const own = data ?? folder()
  const { server, close } = await createService({ data: own, pace: 0 })
  let closed
  const service = client(server, own)
  service.close = () => (closed ??= close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  service.url = `http://127.0.0.1:${server.address().port}`
  try {
    await body(service)
  } finally {
    await service.close()
    if (!data) rmSync(own, { recursive: true })
  }
}

function client(server, data) {
  const lines = (name) => readFileSync(join(data, name), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
  const message = (params, { attempt = 1, executionId = 'exec_1' }) => ({
    headers: { 'content-type': 'application/json', 'idempotency-key': `${executionId}:step` },
    body: JSON.stringify({ params, state: {}, context: { executionId, attempt, stepId: 'step' } }),
  })
  return {
    call(action, params, call = {}) {
      return fetch(`${this.url}/${action}`, { method: 'POST', ...message(params, call) })
    },
    charge(order, call) {
      return this.call('chargeCard', { ...order, ...payment(order, 100) }, call)
    },
    /** A request whose connection the test can cut. */
    post(action, params) {
      const { headers, body } = message(params, {})
      return request(`${this.url}/${action}`, { method: 'POST', headers }).end(body)
    },
    async stats(query = '') {
      return (await fetch(`${this.url}/admin/stats${query}`)).json()
    },
    charges: () => lines('charges.jsonl'),
    calls: () => lines('calls.jsonl'),
  }
}
