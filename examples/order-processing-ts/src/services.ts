/** Stand-ins for what a shop calls over the network. Some calls go wrong, as they do. */

import { setTimeout as sleep } from 'node:timers/promises'

export interface Services {
  PAYMENTS: Payments
  INVENTORY: Inventory
  MAIL: Mail
}

export class CardDeclined extends Error {}

export class Payments {
  readonly #declined = new Set(['card_of_ord_2'])
  readonly #charges = new Map<string, { charge: string; amount: number }>()
  #isFirstCharge = true

  async validate(orderId: string): Promise<{ total: number; paymentMethod: string }> {
    await sleep(20)
    return { total: 1990, paymentMethod: `card_of_${orderId}` }
  }

  /** Charges once for each key, as payment APIs do. */
  async charge(request: { amount: number; source: string; idempotencyKey: string }): Promise<{ charge: string; amount: number }> {
    await sleep(20)
    if (this.#isFirstCharge) {
      this.#isFirstCharge = false
      throw new Error('network timeout')
    }
    if (this.#declined.has(request.source)) throw new CardDeclined('Card declined')
    const known = this.#charges.get(request.idempotencyKey)
    if (known) return known
    const made = { charge: `ch_${this.#charges.size + 1}`, amount: request.amount }
    this.#charges.set(request.idempotencyKey, made)
    return made
  }

  replaceCard(orderId: string): void {
    this.#declined.delete(`card_of_${orderId}`)
  }
}

export class Inventory {
  async reserve(orderId: string): Promise<{ reservation: string }> {
    await sleep(20)
    return { reservation: `res_${orderId}` }
  }

  async ship(reservation: string): Promise<{ tracking: string }> {
    await sleep(20)
    return { tracking: reservation.replace('res', 'parcel') }
  }
}

export class Mail {
  async send(_customerId: string, _text: string): Promise<void> {
    await sleep(20)
  }
}

export const services = (): Services => ({ PAYMENTS: new Payments(), INVENTORY: new Inventory(), MAIL: new Mail() })
