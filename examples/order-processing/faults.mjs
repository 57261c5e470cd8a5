// What goes wrong, and how long things take. All of it follows from a hash of the order and the attempt, so that two
// runs meet the same troubles. About one order in twenty has a fault at its first attempt; the next attempt is fine.
//
//   unavailable    503 with Retry-After, nothing was done
//   dropped        the connection breaks before anything was done
//   lost-answer    the card is charged, then the connection breaks: the caller cannot know
//   silent         the card is charged, and no answer comes until the caller gives up

const CHARGE_FAULTS = ['unavailable', 'dropped', 'lost-answer', 'silent']

/** FNV-1a, 32 bits, finished as MurmurHash3 does: order numbers differ in one digit only. */
export function hash(text) {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** The fault of this call, or undefined. */
export function fault(action, orderId, attempt) {
  if (attempt !== 1) return undefined
  const h = hash(`fault:${orderId}`) % 100
  if (action === 'chargeCard' && h < 4) return CHARGE_FAULTS[h]
  if (action === 'reserveInventory' && h === 4) return 'unavailable'
  return undefined
}

const BEFORE_MS = {
  validatePayment: [4, 15],
  reserveInventory: [6, 25],
  chargeCard: [20, 60],
  fulfillOrder: [8, 30],
  sendConfirmation: [3, 12],
}

/** How long a call takes before its effect and, for a charge, between the effect and the answer. */
export function latency(action, orderId, attempt) {
  const h = hash(`latency:${action}:${orderId}:${attempt}`)
  const [least, most] = BEFORE_MS[action] ?? [1, 1]
  const beforeMs = least + (h % (most - least + 1))
  if (action !== 'chargeCard') return { beforeMs, afterMs: 0 }
  // Some banks are slow to confirm what they have already booked. A caller that dies in this gap is the reason why
  // idempotency keys exist.
  const slow = (h >>> 8) % 12 === 0
  return { beforeMs, afterMs: slow ? 400 + ((h >>> 12) % 300) : 5 + ((h >>> 12) % 20) }
}
