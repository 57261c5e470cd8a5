/**
 * The blocks with what they need around them: the actions and definitions that they leave out, and functions to call them by.
 *
 * The blocks themselves are put in as they stand in the seed.
 */

import { block } from './blocks.js'

/** All that is about orders: "Step 1" to "Step 3", "AFTER" and "Complete Execution Control". */
export const ORDERS = `
${block('Step 1: Define Your Workflow')}

import type { WorkflowExecution } from 'workflow.do'

interface Validated {
  total: number
  paymentMethod: string
}

interface Order {
  orderId: string
  customerId?: string
}

export class Shop extends OrderWorkflow {
  async reserveInventory(params: Order) {
    return await this.env.INVENTORY.reserve(params.orderId)
  }

  async fulfillOrder(params: Order, state: Record<string, unknown>) {
    return await this.env.PARCELS.send(params.orderId, state.charge)
  }

  async sendConfirmation(params: Order) {
    await this.env.MAIL.send(params.customerId)
  }
}

export async function start(workflow: OrderWorkflow) {
${block('Step 2: Start Executions')}
  return execution
}

export async function handleFailure(workflow: OrderWorkflow, execution: WorkflowExecution, console: Pick<Console, 'log'>) {
${block('Step 3: Handle Failures Gracefully')}
}

export async function after(workflow: OrderWorkflow, order: Order) {
${block('AFTER: 15 Lines of Declarative Durability')}
  return execution
}

export async function control(workflow: OrderWorkflow, executionId: string) {
${block('Complete Execution Control')}
  return { history, newExecution, failed }
}
`

export const FRAUD_CHECK = `
import { Workflow } from 'workflow.do'

export class FraudCheck extends Workflow {
  async setup() {
    const workflow = this
${block('Conditional Branching')}
  }

  calculateFraudScore(params: { risk: number }) {
    return { risk: params.risk }
  }

  approveOrder() {
    return 'approved'
  }

  queueForReview() {
    return 'queued'
  }
}
`

export const ONBOARDING = `
import { Workflow } from 'workflow.do'

export class Onboarding extends Workflow {
  async setup() {
    const workflow = this
${block('Wait States (Days, Not Milliseconds)')}
  }

  sendWelcomeEmail() {
    this.env.sent.push('welcome')
  }

  sendOnboardingTips() {
    this.env.sent.push('tips')
  }
}
`

export const CUSTOMERS = `
import type { Workflow } from 'workflow.do'

export async function lifecycle(workflow: Workflow) {
${block('Event-Driven Triggers')}
}
`

export const RESILIENT = `
import { Workflow } from 'workflow.do'

export class Resilient extends Workflow {
  callExternalApi() {
    return this.env.callExternalApi()
  }

  handleFailure() {
    return this.env.handleFailure()
  }

  tellAdmin(params: { stepId: string; error: { message: string } }) {
    return params.stepId + ': ' + params.error.message
  }
}

export async function register(workflow: Resilient) {
${block('Resilient Error Handling')}
}
`
