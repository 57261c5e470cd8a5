/**
 * The process that the crash tests kill: the order with actions that say what they do, one JSON line each, on standard output, and
 * that end when they are told to on standard input.
 *
 *   node program.js '{"store": "orders.db"}' ACTION...      the named actions wait for a line `release ACTION`
 */

import { once } from 'node:events'
import { createInterface } from 'node:readline'

import { Workflow, WorkflowError, type ActionContext, type WorkflowOptions } from '../../src/index.js'
import { ORDER } from '../order.js'

const [options = '{}', ...held] = process.argv.slice(2)

const say = (line: Record<string, unknown>) => process.stdout.write(`${JSON.stringify(line)}\n`)
const commands = createInterface(process.stdin)

async function act(action: string, context: ActionContext) {
  const { executionId, attempt, idempotencyKey } = context
  say({ begun: action, executionId, attempt, idempotencyKey })
  if (held.includes(action)) {
    for (;;) {
      const [line] = (await once(commands, 'line')) as [string]
      if (line === `release ${action}`) break
    }
  }
  say({ done: action, executionId, attempt })
  return { action, attempt }
}

class OrderWorkflow extends Workflow {
  override async setup() {
    await this.register(ORDER)
  }

  async validatePayment(_: unknown, __: unknown, context: ActionContext) { return act('validatePayment', context) }
  async reserveInventory(_: unknown, __: unknown, context: ActionContext) { return act('reserveInventory', context) }
  async chargeCard(_: unknown, __: unknown, context: ActionContext) { return act('chargeCard', context) }
  async fulfillOrder(_: unknown, __: unknown, context: ActionContext) { return act('fulfillOrder', context) }
  async sendConfirmation(_: unknown, __: unknown, context: ActionContext) { return act('sendConfirmation', context) }
}

const workflow = new OrderWorkflow(JSON.parse(options) as WorkflowOptions)
try {
  await workflow.ready()
  say({ ready: true })
} catch (error) {
  if (!(error instanceof WorkflowError)) throw error
  say({ error: { code: error.code, message: error.message } })
  process.exit(1)
}

commands.on('line', async (line) => {
  const [command, argument = ''] = line.split(' ')
  if (command === 'start') say({ started: (await workflow.start('order-processing', { orderId: argument })).id })
  if (command === 'outcome') {
    const { status } = await workflow.wait(argument)
    say({ status, history: await workflow.history(argument) })
  }
  if (command === 'close') {
    await workflow.close()
    say({ closed: true })
    commands.close()
  }
})
