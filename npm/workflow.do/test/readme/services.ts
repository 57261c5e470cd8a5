/** What the examples of the README call as `./services.js`: stand-ins that remember a little. */

export const SERVICES = `
export interface Payment {
  total: number
  paymentMethod: string
}

export const payments = {
  asked: 0,
  async validate(_orderId: string): Promise<Payment> {
    payments.asked++
    return { total: 4200, paymentMethod: 'card_7' }
  }
}

const declined = new Set<string>()

export const stripe = {
  asked: 0,
  decline: (card: string) => void declined.add(card),
  accept: (card: string) => void declined.delete(card),
  charges: {
    async create(request: { amount: number; source: string }, options: { idempotencyKey: string }) {
      stripe.asked++
      if (!/^exec_[0-9a-f]{32}:charge$/.test(options.idempotencyKey)) throw new Error('a key was expected')
      return { ...request, status: declined.has(request.source) ? 'declined' : 'paid' }
    }
  }
}

export const inventory = { reserve: async (orderId: string) => ({ reserved: orderId }) }
export const parcels = { send: async (orderId: string) => ({ parcel: orderId }) }
export const mail = { send: async (_customerId: string, _text: string) => {} }
`
