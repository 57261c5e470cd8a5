// The five actions of an order. An action is a function of (params, state, context), as SPEC §3 has it, and answers
// its output; it throws a Problem for what the caller should hear.

import { hash } from './faults.mjs'

/** A failure with an HTTP status: it decides whether the engine tries again (5xx, 408, 409, 425 and 429 do). */
export class Problem extends Error {
  constructor(status, code, message, headers = {}) {
    super(message)
    Object.assign(this, { status, code, headers })
  }
}

export function orderActions({ ledger, cards }) {
  return { validatePayment, reserveInventory, chargeCard: chargeCard(ledger, cards), fulfillOrder, sendConfirmation }
}

/** An order that makes no sense will make none at the next attempt either: 422 is not retried. */
function validatePayment({ orderId, currency, items, shipping, card }) {
  if (!Array.isArray(items) || items.length === 0) throw new Problem(422, 'no_items', `${orderId} has no items`)
  for (const { sku, qty, price } of items) {
    if (!(Number.isSafeInteger(qty) && qty > 0 && Number.isSafeInteger(price) && price >= 0)) {
      throw new Problem(422, 'bad_item', `${orderId}: item ${sku} needs a whole quantity and a price in cents`)
    }
  }
  if (!card?.token?.startsWith('tok_')) throw new Problem(422, 'no_card', `${orderId} has no card`)
  return {
    total: orderTotal({ items, shipping }),
    currency,
    paymentMethod: card.token.replace('tok_', 'pm_'),
    card: `${card.brand} ending in ${card.last4}`,
  }
}

/** In the currency's smallest unit, shipping included. */
export function orderTotal({ items, shipping }) {
  return items.reduce((sum, { qty, price }) => sum + qty * price, shipping?.price ?? 0)
}

// The ids that these give out follow from the idempotency key, so that a repeated call means the same reservation.

function reserveInventory({ items, shipping }, _state, { idempotencyKey }) {
  const warehouse = ['US', 'CA'].includes(shipping.country) ? 'RNO-1' : 'RTM-2'
  return {
    reservationId: id('res', idempotencyKey),
    warehouse,
    lines: items.map(({ sku, qty }) => ({ sku, qty, bin: `${'ABCDEF'[hash(sku) % 6]}${10 + (hash(sku) % 80)}` })),
  }
}

/**
 * Charges the card once for each idempotency key: a repeated key gets the saved charge. Only charges are remembered,
 * not refusals, so that a later attempt under the same key asks the bank again (SPEC §3).
 */
function chargeCard(ledger, cards) {
  return async ({ orderId, customerId, amount, currency, source }, _state, { idempotencyKey: key }, call) => {
    const found = ledger.find(key)
    if (found) {
      const saved = await found
      if (saved.amount !== amount || saved.source !== source) {
        throw new Problem(422, 'idempotency_key_reused', `${key} was used to charge ${saved.amount} to ${saved.source}`)
      }
      call.outcome = 'charged before'
      return receipt(saved)
    }
    if (cards.declined(source)) {
      // 409, not 402: this is the issuer's "not now" (over the limit, blocked for the moment), which the card's owner
      // can set right. 402 and most other 4xx say that another attempt is pointless, and the engine would not make
      // one; the order that the project's README shows was declined four times (`retries: 3`).
      throw new Problem(409, 'card_declined', 'Card declined')
    }
    const charge = { time: Date.now(), key, chargeId: id('ch', key), orderId, customerId, amount, currency, source }
    await ledger.save(charge)
    call.outcome = 'charged'
    return receipt(charge)
  }
}

const receipt = ({ chargeId, amount, currency }) => ({ chargeId, amount, currency, status: 'succeeded' })

function fulfillOrder({ orderId, reservationId, chargeId, shipping }, _state, { idempotencyKey }) {
  if (!reservationId || !chargeId) throw new Problem(422, 'not_paid', `${orderId} is not reserved and paid`)
  const carrier = shipping.method === 'express' ? 'DHL Express' : 'PostNL'
  return {
    shipmentId: id('shp', idempotencyKey),
    carrier,
    trackingNumber: `3S${String(hash(idempotencyKey)).padStart(10, '0')}`,
    deliveryDays: shipping.method === 'express' ? 1 : 3 + (hash(shipping.city) % 3),
  }
}

function sendConfirmation({ email, orderId, trackingNumber }, _state, { idempotencyKey }) {
  return { messageId: id('msg', idempotencyKey), to: email, subject: `Your order ${orderId} is on its way (${trackingNumber})` }
}

const id = (prefix, key) => `${prefix}_${[0, 1].map((n) => hash(`${n}:${key}`).toString(16).padStart(8, '0')).join('')}`
