/** The engine in this process: the order on SQLite, and what is on disk afterwards. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { folder } from './folder.js'
import { OrderWorkflow } from './order.js'

test('the order runs to its end on SQLite, each step seeing those before it', async t => {
  await using workflow = new OrderWorkflow({ store: join(folder(t), 'orders.db') })
  const { id } = await workflow.start('order-processing', { orderId: 'ord_123' })
  const execution = await workflow.wait(id)
  assert.equal(execution.status, 'completed')
  assert.equal(execution.output, 'thank you')
  assert.deepEqual(execution.completedSteps, ['validate', 'reserve', 'charge', 'fulfill', 'notify'])
  assert.deepEqual(execution.stepResults['charge']?.output, { amount: 4200, source: 'card of ord_123' })
  assert.equal(Object.hasOwn(execution.stepResults['fulfill'] ?? {}, 'output'), false, 'what returns nothing has no output')
})

test('the same file opened again has everything that was acknowledged', async t => {
  const store = join(folder(t), 'orders.db')
  const first = new OrderWorkflow({ store })
  const { id } = await first.start('order-processing', { orderId: 'ord_123' })
  const ended = await first.wait(id)
  await first.close()
  await using second = new OrderWorkflow({ store })
  assert.deepEqual(await second.status(id), ended)
  assert.equal((await second.getDefinition('order-processing'))?.version, 1, 'the same definition is no new version')
})
