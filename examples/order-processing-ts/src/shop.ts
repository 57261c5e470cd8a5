/** What the shop does with its workflow: the same, wherever the engine is. */

import type { WorkflowExecution } from 'workflow.do'

import type { OrderWorkflow } from './order.js'
import type { Services } from './services.js'

export async function processOrders(workflow: OrderWorkflow, services: Services): Promise<void> {
  for (const orderId of ['ord_1', 'ord_2']) {
    // With the order's own id as the key, an order that is sent in twice is processed once.
    const { id } = await workflow.start('order-processing', { orderId, customerId: 'cus_456' }, { idempotencyKey: orderId })
    print(orderId, await workflow.wait(id))
  }

  for (const { id } of await workflow.listExecutions({ workflowId: 'order-processing', status: 'failed' })) {
    console.log('\nThe card is replaced; the order goes on from the step that failed.\n')
    services.PAYMENTS.replaceCard('ord_2')
    await workflow.retry(id)
    print('ord_2', await workflow.wait(id))
  }
}

function print(orderId: string, { status, error, output, history }: WorkflowExecution): void {
  console.log(`${orderId}: ${status}, ${error ?? String(output)}`)
  for (const { type, stepId, attempt, data } of history) {
    if (type === 'step_complete') console.log(`  ${stepId}`)
    if (type === 'step_fail') console.log(`  ${stepId}, attempt ${attempt}: ${data?.error?.message}`)
    if (type === 'step_interrupted') console.log(`  ${stepId}, attempt ${attempt}: interrupted`)
    if (type === 'retry') console.log('  retry')
  }
}
