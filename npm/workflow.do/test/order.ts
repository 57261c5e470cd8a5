/** The order of the README, with everything it calls. */

import { type WorkflowDefinition, Workflow } from '../src/index.js'

export const ORDER: WorkflowDefinition = {
  id: 'order-processing',
  name: 'Process Customer Order',
  steps: [
    { id: 'validate', action: 'validatePayment' },
    { id: 'reserve', action: 'reserveInventory', dependsOn: ['validate'] },
    { id: 'charge', action: 'chargeCard', dependsOn: ['reserve'], maxRetries: 3 },
    { id: 'fulfill', action: 'fulfillOrder', dependsOn: ['charge'] },
    { id: 'notify', action: 'sendConfirmation', dependsOn: ['fulfill'] }
  ]
}

export class OrderWorkflow extends Workflow {
  override async setup(): Promise<void> {
    await this.register(ORDER)
  }

  async validatePayment(params: { orderId: string }) {
    return { total: 4200, paymentMethod: `card of ${params.orderId}` }
  }

  reserveInventory() {
    return { reserved: true }
  }

  async chargeCard(_params: object, state: { validate: { total: number; paymentMethod: string } }) {
    return { amount: state.validate.total, source: state.validate.paymentMethod }
  }

  async fulfillOrder() {}

  async sendConfirmation() {
    return 'thank you'
  }
}
