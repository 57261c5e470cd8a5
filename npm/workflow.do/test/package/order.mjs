/** The order of the README as a program of somebody who installed the package: plain JavaScript, nothing but `workflow.do`. */

import assert from 'node:assert/strict'

import { Workflow } from 'workflow.do'

class OrderWorkflow extends Workflow {
  async setup() {
    await this.register({
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
  }

  async validatePayment(params) {
    return await this.env.PAYMENTS.validate(params.orderId)
  }

  async reserveInventory() {
    return { reserved: true }
  }

  async chargeCard(params, state) {
    return { charged: state.validate.total, source: state.validate.paymentMethod }
  }

  fulfillOrder() {
    return { tracking: 'TRACK-1' }
  }

  sendConfirmation(params, state) {
    return `${params.orderId}: ${state.charge.charged} charged, ${state.fulfill.tracking}`
  }
}

const env = { PAYMENTS: { validate: async () => ({ total: 4200, paymentMethod: 'card_1' }) } }
const workflow = new OrderWorkflow({ store: 'orders.db', env })
const execution = await workflow.start('order-processing', { orderId: 'ord_123', customerId: 'cus_456' })
const { status, output, completedSteps } = await workflow.wait(execution.id)
assert.deepEqual(completedSteps, ['validate', 'reserve', 'charge', 'fulfill', 'notify'])
assert.deepEqual({ status, output }, { status: 'completed', output: 'ord_123: 4200 charged, TRACK-1' })
await workflow.close()
console.log('the order is completed')
