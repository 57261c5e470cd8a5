/** What the workflows of the seed find in `env`, and how often each of it was called. */

export interface Shop {
  env: Record<string, unknown>
  /** By name, in the order of the first calls. */
  calls: Record<string, number>
  /** What charging a card does; it may be changed while an order runs. */
  charge: (request: { amount: number; source: string }) => unknown
}

export function shop(): Shop {
  const calls: Record<string, number> = {}
  const counted = <Args extends unknown[], Answer>(name: string, answer: (...args: Args) => Answer) => {
    return async (...args: Args) => {
      calls[name] = (calls[name] ?? 0) + 1
      return answer(...args)
    }
  }
  const made: Shop = {
    calls,
    charge: ({ amount, source }) => ({ amount, source }),
    env: {
      PAYMENTS: { validate: counted('validate', (orderId: string) => ({ total: 4200, paymentMethod: `card of ${orderId}` })) },
      INVENTORY: { reserve: counted('reserve', () => ({ shelf: 7 })) },
      STRIPE: { charges: { create: counted('charge', (request: { amount: number; source: string }) => made.charge(request)) } },
      PARCELS: { send: counted('fulfill', (orderId: string) => ({ parcel: `of ${orderId}` })) },
      MAIL: { send: counted('notify', () => undefined) }
    }
  }
  return made
}
