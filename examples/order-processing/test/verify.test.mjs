// The judge is judged: records of a run in which all went well pass, and each way of losing or doubling something is
// found. Without this a demonstration that always says "nothing was lost" would look just the same.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { orderTotal } from '../actions.mjs'
import { makeOrders } from '../make-orders.mjs'
import { illegal, isDeclined, verify } from '../run/verify.mjs'

const STEPS = ['validate', 'reserve', 'charge', 'fulfill', 'notify']
const ACTIONS = { validate: 'validatePayment', reserve: 'reserveInventory', charge: 'chargeCard', fulfill: 'fulfillOrder', notify: 'sendConfirmation' }
const KILLED_AT = 1000

test('records of a run in which all went well have no problem', () => {
  const { problems, facts, witness } = verify(goodRecords())
  assert.deepEqual(problems, [])
  assert.equal(facts.completed, 10)
  assert.equal(facts.retriedByHand, 1)
  assert.equal(facts.interrupted.length, 1)
  assert.equal(witness.calls.length, 2)
})

finds('an order that was never started', (records) => records.started.delete('ord_3'), /ord_3 was never started/)
finds('an execution that is gone', (records) => records.executions.splice(2, 1), /was acknowledged and is gone/)
finds('an execution too many', (records) => records.executions.push({ id: 'exec_99', status: 'completed' }), /exec_99 belongs to no order/)
finds('an order that has not completed', (records) => (records.executions[4].status = 'running'), /is running, expected completed/)
finds('two orders in one execution', (records) => records.started.set('ord_3', 'exec_4'), /two orders were answered with the same execution/)

finds('an order charged twice under two keys', ({ charges }) => charges.push({ ...charges[3], key: 'another' }), /was charged twice/)
finds('a key charged twice', ({ charges }) => charges.push({ ...charges[3] }), /:charge was charged twice/)
finds('an order that was never charged', ({ charges }) => charges.splice(3, 1), /was never charged/)
finds('a wrong amount', ({ charges }) => (charges[3].amount += 1), /expected \d+$/m)
finds('a call that the history knows nothing of', ({ calls }) => calls.push({ ...calls[0], attempt: 7 }), /attempt 7 was called, but its start is not in the history/)
finds('an attempt that was called twice', ({ calls }) => calls.push({ ...calls[0] }), /attempt 1 was called twice/)

finds('an order that failed though its card is good', ({ failed }) => failed.push({ ...failed[0], id: 'exec_4' }), /exec_4 failed though its card is good/)
finds('a declined card that went through', (records) => (records.failed = []), /its card is declined, but it did not fail/)
finds('a decline with too few retries', ({ failed }) => (failed[0].stepResults.charge.retries = 2), /retries 2; expected/)
finds('a retry that starts from the beginning', ({ histories }) => {
  const history = histories.get('exec_0')
  history[history.findIndex(({ type }) => type === 'retry') + 1].stepId = 'validate'
}, /retry went on with step_start validate/)

finds('a kill that came too early', (records) => (records.killedAt = 0), /killed when 0 % of the orders had ended/)
finds('a kill that interrupted nothing', ({ histories }) => {
  const entry = histories.get('exec_9').find(({ type }) => type === 'step_interrupted')
  Object.assign(entry, { type: 'step_fail' })
}, /the kill interrupted no attempt/)
finds('an interrupted charge that had not been booked', ({ calls }) => (calls.find(({ key, attempt }) => key === 'exec_9:charge' && attempt === 1).outcome = 'dropped'), /no charge that the kill interrupted shows two calls and one charge/)

test('a history is legal only when every step ran in turn and none after its result', () => {
  const history = () => goodRecords().histories.get('exec_4')
  const without = (n) => history().filter((_, i) => i !== n).map((entry, i) => ({ ...entry, seq: i + 1 }))
  assert.equal(illegal(history()), undefined)
  assert.match(illegal([]), /empty/)
  assert.match(illegal(history().slice(0, -1)), /completed|complete is the last/)
  assert.match(illegal(history().toSpliced(3, 1)), /follows entry/)
  assert.match(illegal(without(1)), /is not in flight/)
  assert.match(illegal(without(2)), /not the turn/)
  const again = history().toSpliced(3, 0, { type: 'step_start', stepId: 'validate', attempt: 2 })
  assert.match(illegal(again.map((entry, i) => ({ ...entry, seq: i + 1 }))), /ran again after its result was recorded/)
})

function finds(what, spoil, expected) {
  test(`found: ${what}`, () => {
    const records = goodRecords()
    spoil(records)
    assert.match(verify(records).problems.join('\n'), expected)
  })
}

/** Ten orders: the first has a declined card, the last was cut off by the kill between its charge and the answer. */
function goodRecords() {
  const made = makeOrders()
  const orders = [made.find(isDeclined), ...made.filter((order) => !isDeclined(order)).slice(0, 9)].map((order, n) => ({ ...order, orderId: `ord_${n}` }))
  const records = { orders, started: new Map(), executions: [], histories: new Map(), failed: [], calls: [], charges: [], killedAt: KILLED_AT }
  for (const [n, order] of orders.entries()) {
    const id = `exec_${n}`
    records.started.set(order.orderId, id)
    records.executions.push({ id, status: 'completed' })
    const kind = n === 0 ? 'declined' : n === 9 ? 'interrupted' : 'plain'
    records.histories.set(id, history(id, kind, n < 5 ? KILLED_AT - 100 : KILLED_AT + 100, records.calls))
    records.charges.push({ key: `${id}:charge`, orderId: order.orderId, amount: orderTotal(order) })
    if (kind === 'declined') records.failed.push({ id, stepResults: { charge: { status: 'failed', error: 'Card declined', retries: 3 } } })
  }
  return records
}

function history(id, kind, endedAt, calls) {
  const entries = []
  const add = (type, stepId, attempt) => entries.push({ seq: entries.length + 1, timestamp: endedAt, type, stepId, attempt })
  const attemptOf = (stepId, attempt, end, outcome = 'done') => {
    add('step_start', stepId, attempt)
    if (end) add(end, stepId, attempt)
    calls.push({ action: ACTIONS[stepId], key: `${id}:${stepId}`, attempt, outcome, answered: end !== 'step_interrupted' })
  }
  add('start')
  for (const stepId of STEPS) {
    let attempt = 1
    if (stepId === 'charge' && kind === 'declined') {
      for (; attempt <= 4; attempt++) {
        if (attempt > 1) add('step_ready', stepId)
        attemptOf(stepId, attempt, 'step_fail', 'card_declined')
      }
      add('fail')
      add('retry')
    }
    if (stepId === 'charge' && kind === 'interrupted') attemptOf(stepId, attempt++, 'step_interrupted', 'charged')
    attemptOf(stepId, attempt, 'step_complete')
  }
  add('complete')
  return entries
}
