// What every way processes: the inputs and outputs of `bench/src/order.rs`, about 100 bytes of JSON each.
//
// The reference in an output names its step, so that the answer of a workflow shows that the last step has run.

export const ORDER_STEPS = ['validate', 'reserve', 'charge', 'fulfill', 'notify']
export const PARTS = Array.from({ length: 10 }, (_, index) => `part${index}`)
export const SLEEP_MS = 3_600_000

const FILL = '0123456789abcdef0123456789abcdef'

export function input(id) {
  return { orderId: `ord_${id}`, customerId: 'cus_0123456789abcdef', total: 4200, currency: 'EUR' }
}

export function output(step) {
  return { status: 'ok', reference: reference(step), amount: 4200, currency: 'EUR' }
}

/** What the output of a completed workflow holds; sleepers complete in an hour, so nothing is expected of them. */
export function expected(workload) {
  const last = { 'order-5': 'notify', 'fan-out': 'join' }[workload]
  return last && reference(last)
}

function reference(step) {
  return `ref_${step}_${FILL.slice(step.length + 1)}`
}
