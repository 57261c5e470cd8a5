// Was anything lost, or done twice? Judged after the run from three independent records: the histories (the engine's
// word), the ledger and the call log (the service's word), and the list of orders. Pure: records in, problems out.

import { orderTotal } from '../actions.mjs'

const STEPS = ['validate', 'reserve', 'charge', 'fulfill', 'notify']
const ENDS_ATTEMPT = new Set(['step_complete', 'step_fail', 'step_interrupted'])
const DECLINED_ENTRIES = 17
const CHARGE_ATTEMPTS = 4

/**
 * @param orders      what was to be done
 * @param started     Map: order id -> the execution id that the start was answered with
 * @param executions  the rows of all executions at the end
 * @param histories   Map: execution id -> its complete history
 * @param failed      the executions that had failed before the cards were fixed
 * @param calls, charges  the service's files, line by line
 * @param killedAt    when the server was killed, in ms since the epoch
 * @returns problems (sentences; none when all is well), facts for the summary, and a witness: a charge whose attempt the
 *          kill interrupted, which was called again and charged once
 */
export function verify(records) {
  const problems = []
  const problem = (text) => problems.push(text)
  const facts = countFacts(records)
  const interruptedCharges = findInterruptedCharges(records)
  checkExecutions(records, problem)
  checkHistories(records, problem)
  checkDeclined(records, problem)
  checkCharges(records, problem)
  checkCalls(records, problem)
  checkKill(records, facts, interruptedCharges, problem)
  return { problems, facts, witness: interruptedCharges.find(wasPlain) ?? interruptedCharges[0] }
}

/** One execution for each order, and each has completed. */
function checkExecutions({ orders, started, executions }, problem) {
  const orderOf = new Map([...started].map(([orderId, id]) => [id, orderId]))
  for (const { orderId } of orders) if (!started.has(orderId)) problem(`${orderId} was never started`)
  if (orderOf.size !== started.size) problem('two orders were answered with the same execution')
  const seen = new Set()
  for (const { id, status } of executions) {
    if (seen.has(id)) problem(`${id} is listed twice`)
    seen.add(id)
    if (!orderOf.has(id)) problem(`${id} belongs to no order: a start was carried out twice`)
    else if (status !== 'completed') problem(`${orderOf.get(id)} (${id}) is ${status}, expected completed`)
  }
  for (const [id, orderId] of orderOf) if (!seen.has(id)) problem(`${orderId} (${id}) was acknowledged and is gone`)
}

function checkHistories({ started, histories }, problem) {
  for (const [orderId, id] of started) {
    const wrong = illegal(histories.get(id) ?? [])
    if (wrong) problem(`the history of ${orderId} (${id}) is not legal: ${wrong}`)
  }
}

/** What is wrong with the history of a completed order, or undefined. */
export function illegal(entries) {
  if (entries.length === 0) return 'it is empty'
  const inFlight = new Map()
  const attempts = new Map()
  const completed = []
  for (const [n, { seq, type, stepId, attempt }] of entries.entries()) {
    const at = `entry ${seq} (${type}${stepId ? ` ${stepId}` : ''})`
    if (seq !== entries[0].seq + n) return `${at} follows entry ${entries[n - 1].seq}`
    if ((type === 'start') !== (n === 0)) return `${at}: start is the first entry and no other`
    if ((type === 'complete') !== (n === entries.length - 1)) return `${at}: complete is the last entry and no other`
    if (type === 'step_start') {
      if (completed.includes(stepId)) return `${at}: the step ran again after its result was recorded`
      if (inFlight.has(stepId)) return `${at}: attempt ${inFlight.get(stepId)} has not ended`
      if (STEPS.indexOf(stepId) !== completed.length) return `${at}: it is not the turn of this step`
      if (attempt !== (attempts.get(stepId) ?? 0) + 1) return `${at}: attempt ${attempt} follows ${attempts.get(stepId) ?? 0}`
      inFlight.set(stepId, attempt)
      attempts.set(stepId, attempt)
    } else if (ENDS_ATTEMPT.has(type)) {
      if (inFlight.get(stepId) !== attempt) return `${at}: attempt ${attempt} is not in flight`
      inFlight.delete(stepId)
      if (type === 'step_complete') completed.push(stepId)
    }
  }
  if (completed.join() !== STEPS.join()) return `completed are ${completed.join(', ')}; expected ${STEPS.join(', ')}`
  return undefined
}

/** Exactly the orders with a declined card failed, after four attempts, and went on from the charge when retried. */
function checkDeclined({ orders, started, histories, failed }, problem) {
  const expected = new Set(orders.filter(isDeclined).map(({ orderId }) => started.get(orderId)))
  const failedIds = new Set(failed.map(({ id }) => id))
  for (const id of expected) if (!failedIds.has(id)) problem(`${id}: its card is declined, but it did not fail`)
  for (const { id, stepResults } of failed) {
    if (!expected.has(id)) problem(`${id} failed though its card is good: ${stepResults?.charge?.error ?? 'see its history'}`)
    const { status, error, retries } = stepResults?.charge ?? {}
    if (status !== 'failed' || error !== 'Card declined' || retries !== CHARGE_ATTEMPTS - 1) {
      problem(`${id}: charge is ${status}, ${error}, retries ${retries}; expected failed, Card declined, retries 3`)
    }
    const history = histories.get(id) ?? []
    const before = history.slice(0, history.findIndex(({ type }) => type === 'retry'))
    const disturbed = before.some(({ type, stepId }) => type === 'step_interrupted' || (type === 'step_fail' && stepId !== 'charge'))
    if (!disturbed && before.length !== DECLINED_ENTRIES) {
      problem(`${id}: ${before.length} entries before its retry, expected ${DECLINED_ENTRIES}`)
    }
    const next = history[before.length + 1]
    if (next?.type !== 'step_start' || next.stepId !== 'charge') problem(`${id}: retry went on with ${next?.type} ${next?.stepId}, not charge`)
  }
}

/** Each order is charged once, with its own amount, under the key of its charge step. */
function checkCharges({ orders, started, charges }, problem) {
  const byOrder = new Map()
  const keys = new Set()
  for (const charge of charges) {
    if (keys.has(charge.key)) problem(`${charge.key} was charged twice`)
    keys.add(charge.key)
    if (byOrder.has(charge.orderId)) problem(`${charge.orderId} was charged twice`)
    byOrder.set(charge.orderId, charge)
  }
  for (const order of orders) {
    const charge = byOrder.get(order.orderId)
    if (!charge) problem(`${order.orderId} was never charged`)
    else if (charge.amount !== orderTotal(order)) problem(`${order.orderId} was charged ${charge.amount}, expected ${orderTotal(order)}`)
    else if (charge.key !== chargeKey(started.get(order.orderId))) problem(`${order.orderId} was charged under ${charge.key}`)
  }
  if (byOrder.size > orders.length) problem(`${byOrder.size} orders were charged, ${orders.length} exist`)
}

/** No action ran whose beginning is not in the history, none ran twice for one attempt. */
function checkCalls({ calls, histories }, problem) {
  const begun = new Set()
  for (const [id, entries] of histories) {
    for (const { type, stepId, attempt } of entries) if (type === 'step_start') begun.add(`${id}:${stepId} ${attempt}`)
  }
  const called = new Set()
  for (const { key, attempt } of calls) {
    const call = `${key} ${attempt}`
    if (called.has(call)) problem(`${key}: attempt ${attempt} was called twice`)
    if (!begun.has(call)) problem(`${key}: attempt ${attempt} was called, but its start is not in the history`)
    called.add(call)
  }
}

/** The kill came at a time when it could do harm. Without that the rest would prove nothing. */
function checkKill({ orders, charges }, facts, interruptedCharges, problem) {
  const { interrupted, endedAtKill, chargeCalls } = facts
  const percent = Math.round((endedAtKill / orders.length) * 100)
  if (!(percent >= 20 && percent <= 60)) problem(`the server was killed when ${percent} % of the orders had ended, expected 20 to 60 %`)
  if (interrupted.length === 0) problem('the kill interrupted no attempt')
  if (chargeCalls <= charges.length) problem(`${chargeCalls} calls of chargeCard for ${charges.length} charges, expected more calls than charges`)
  if (interruptedCharges.length === 0) problem('no charge that the kill interrupted shows two calls and one charge')
}

function countFacts({ orders, histories, calls, charges, failed, killedAt }) {
  const all = [...histories.values()].flat()
  const interrupted = all.filter(({ type }) => type === 'step_interrupted')
  const retriedByHand = all.filter(({ type }) => type === 'retry').length
  return {
    orders: orders.length,
    completed: [...histories.values()].filter((entries) => entries.at(-1)?.type === 'complete').length,
    failed: failed.length,
    retriedByHand,
    interrupted,
    endedAtKill: all.filter(({ type, timestamp }) => (type === 'complete' || type === 'fail') && timestamp <= killedAt).length,
    failedAttempts: all.filter(({ type }) => type === 'step_fail').length,
    entries: all.length,
    calls: calls.length,
    charges: new Set(charges.map(({ key }) => key)).size,
    chargeCalls: calls.filter(({ action }) => action === 'chargeCard').length,
  }
}

/** Charges whose attempt was cut off by the kill, with at least two calls and one charge under their key. */
function findInterruptedCharges({ histories, calls, charges }) {
  const callsByKey = groupByKey(calls)
  const chargesByKey = new Map(charges.map((charge) => [charge.key, charge]))
  const found = []
  for (const [executionId, entries] of histories) {
    const cut = entries.find(({ type, stepId }) => type === 'step_interrupted' && stepId === 'charge')
    const key = chargeKey(executionId)
    const under = callsByKey.get(key) ?? []
    const charge = chargesByKey.get(key)
    // The telling ones: the money had moved in the attempt that was cut off, and the next one was told so.
    const booked = under.some(({ attempt, outcome, answered }) => attempt === cut?.attempt && outcome.startsWith('charged') && !answered)
    if (cut && charge && booked && under.length === 2) found.push({ executionId, key, charge, calls: under })
  }
  return found
}

/** Cut off by the kill alone: no fault of the service came on top. */
const wasPlain = ({ calls }) => calls[0].outcome === 'charged'

function groupByKey(calls) {
  const groups = new Map()
  for (const call of calls) groups.set(call.key, [...(groups.get(call.key) ?? []), call])
  return groups
}

export const isDeclined = ({ card }) => card.token.startsWith('tok_declined_')
const chargeKey = (executionId) => `${executionId}:charge`
