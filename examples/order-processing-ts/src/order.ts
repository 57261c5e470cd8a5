/** The order: its steps, and the actions that carry them out. */

import { NonRetryableError, Workflow, defineWorkflow, type ActionContext, type StateOf } from 'workflow.do'

import { CardDeclined, type Services } from './services.js'

export interface Order {
  orderId: string
  customerId: string
}

const order = defineWorkflow({
  id: 'order-processing',
  name: 'Process Customer Order',
  steps: [
    { id: 'validate', action: 'validatePayment' },
    { id: 'reserve', action: 'reserveInventory', dependsOn: ['validate'] },
    { id: 'charge', action: 'chargeCard', dependsOn: ['reserve'], maxRetries: 3 },
    { id: 'fulfill', action: 'fulfillOrder', dependsOn: ['charge'] },
    { id: 'notify', action: 'sendConfirmation', dependsOn: ['fulfill'] }
  ]
})

/** What a step sees of the steps before it. */
type State<StepId extends (typeof order)['steps'][number]['id']> = StateOf<typeof order, OrderWorkflow, StepId>

export class OrderWorkflow extends Workflow<Services> {
  override async setup(): Promise<void> {
    await this.register(order)
  }

  async validatePayment(params: Order): Promise<{ total: number; paymentMethod: string }> {
    return await this.env.PAYMENTS.validate(params.orderId)
  }

  async reserveInventory(params: Order): Promise<{ reservation: string }> {
    return await this.env.INVENTORY.reserve(params.orderId)
  }

  async chargeCard(params: Order, state: State<'charge'>, context: ActionContext): Promise<{ charge: string; amount: number }> {
    const { total, paymentMethod } = state.validate
    try {
      // The key is the same at every attempt, so that the card is charged once, whatever crashes in between.
      return await this.env.PAYMENTS.charge({ amount: total, source: paymentMethod, idempotencyKey: context.idempotencyKey })
    } catch (error) {
      // Trying again helps against a broken connection, not against a declined card.
      if (error instanceof CardDeclined) throw new NonRetryableError(error.message, { code: 'card_declined', cause: error })
      throw error
    }
  }

  async fulfillOrder(params: Order, state: State<'fulfill'>): Promise<{ tracking: string }> {
    return await this.env.INVENTORY.ship(state.reserve.reservation)
  }

  async sendConfirmation(params: Order, state: State<'notify'>): Promise<string> {
    const text = `${(state.charge.amount / 100).toFixed(2)} charged, ${state.fulfill.tracking} is on its way`
    await this.env.MAIL.send(params.customerId, text)
    return text
  }
}
