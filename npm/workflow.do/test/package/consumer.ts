/** What somebody writes who installed the package, compiled against its types under `nodenext` and `bundler`. Never run. */

import { Workflow, WorkflowError, defineWorkflow } from 'workflow.do'
import type { ActionContext, WorkflowDefinition, WorkflowExecution } from 'workflow.do'
import { SimulatedClock } from 'workflow.do/testing'

interface Env {
  PAYMENTS: { validate(orderId: string): Promise<{ total: number }> }
}

class OrderWorkflow extends Workflow<Env> {
  override async setup(): Promise<void> {
    await this.register({
      id: 'order-processing',
      steps: [
        { id: 'validate', action: 'validatePayment' },
        { id: 'charge', action: 'chargeCard', dependsOn: ['validate'] }
      ]
    })
  }

  validatePayment(params: { orderId: string }): Promise<{ total: number }> {
    return this.env.PAYMENTS.validate(params.orderId)
  }

  chargeCard(_params: { orderId: string }, state: { validate: { total: number } }, context: ActionContext): string {
    return `${state.validate.total} ${context.idempotencyKey}`
  }
}

const definition: WorkflowDefinition = defineWorkflow({ id: 'w', steps: [{ id: 'a', action: 'noop' }] })
// @ts-expect-error: the compiler knows the ids of the steps
defineWorkflow({ id: 'w', steps: [{ id: 'a', action: 'noop', dependsOn: ['b'] }] })

export async function run(): Promise<WorkflowExecution | undefined> {
  const workflow = new OrderWorkflow({ store: ':memory:', clock: new SimulatedClock() })
  try {
    await workflow.register(definition)
    const execution = await workflow.start('order-processing', { orderId: 'ord_1' })
    return await workflow.wait(execution.id)
  } catch (error) {
    if (error instanceof WorkflowError && error.code === 'workflow_not_found') return undefined
    throw error
  } finally {
    await workflow.close()
  }
}
