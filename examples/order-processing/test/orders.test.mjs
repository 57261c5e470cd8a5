import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { makeOrders } from '../make-orders.mjs'
import { isDeclined } from '../run/verify.mjs'

const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
const orders = makeOrders()

test('orders.jsonl is what make-orders.mjs makes', () => {
  assert.equal(read('orders.jsonl'), orders.map((order) => `${JSON.stringify(order)}\n`).join(''))
})

test('there are at least 1,000 orders with numbers of their own, about 3 % of them with a declined card', () => {
  assert.ok(orders.length >= 1000)
  assert.equal(new Set(orders.map(({ orderId }) => orderId)).size, orders.length)
  const share = orders.filter(isDeclined).length / orders.length
  assert.ok(share > 0.02 && share < 0.04, `${share}`)
})

test('workflow.json is the order of the project’s README: five steps in a row, the charge tried up to four times', () => {
  const { id, steps } = JSON.parse(read('workflow.json'))
  assert.equal(id, 'order-processing')
  assert.deepEqual(steps.map(({ id, action, dependsOn }) => [id, action, dependsOn]), [
    ['validate', 'validatePayment', undefined],
    ['reserve', 'reserveInventory', ['validate']],
    ['charge', 'chargeCard', ['reserve']],
    ['fulfill', 'fulfillOrder', ['charge']],
    ['notify', 'sendConfirmation', ['fulfill']],
  ])
  assert.equal(steps[2].maxRetries, 3)
})
