// The workflows of `bench/src/workload.rs` as a class: the same definitions, inputs and outputs.

import { Workflow } from '../../npm/workflow.do/dist/index.js'

/** Attempts at the same time. */
export const CONCURRENCY = 4_096

/** The id of the workflow that a workload runs. */
export const WORKFLOWS = { 'order-5': 'order-processing', latency: 'order-processing', 'fan-out': 'fan-out', payload: 'payload' }

/** About 100 bytes. */
export const input = (number) => ({
  orderId: `ord_${String(number).padStart(24, '0')}`,
  customerId: 'cus_0123456789abcdef',
  total: 4200,
  currency: 'EUR',
})

/** About 100 bytes. */
const OUTPUT = { status: 'ok', reference: 'ref_0123456789abcdef0123456789abcdef', amount: 4200, currency: 'EUR' }
/** 100 KB; its content matters to nobody here, no store of this project compresses. */
const LONG_OUTPUT = { text: Array.from({ length: 12_500 }, (_, at) => Math.imul(at, 0x9e3779b1).toString(16).padStart(8, '0').slice(-8)).join('') }

const PARTS = Array.from({ length: 10 }, (_, at) => `part${at}`)

export class Bench extends Workflow {
  async setup() {
    await this.register({
      id: 'order-processing',
      steps: [
        { id: 'validate', action: 'validatePayment' },
        { id: 'reserve', action: 'reserveInventory', dependsOn: ['validate'] },
        { id: 'charge', action: 'chargeCard', dependsOn: ['reserve'], maxRetries: 3 },
        { id: 'fulfill', action: 'fulfillOrder', dependsOn: ['charge'] },
        { id: 'notify', action: 'sendConfirmation', dependsOn: ['fulfill'] },
      ],
    })
    await this.register({
      id: 'fan-out',
      steps: [
        { id: 'split', action: 'split' },
        ...PARTS.map((id) => ({ id, action: 'part', dependsOn: ['split'] })),
        { id: 'join', action: 'join', dependsOn: PARTS },
      ],
    })
    await this.register({
      id: 'payload',
      steps: ['a', 'b', 'c', 'd', 'e'].map((id, at, ids) => ({ id, action: 'bulky', ...(at > 0 && { dependsOn: [ids[at - 1]] }) })),
    })
  }
  async validatePayment() { return OUTPUT }
  async reserveInventory() { return OUTPUT }
  async chargeCard() { return OUTPUT }
  async fulfillOrder() { return OUTPUT }
  async sendConfirmation() { return OUTPUT }
  async split() { return OUTPUT }
  async part() { return OUTPUT }
  async join() { return OUTPUT }
  async bulky() { return LONG_OUTPUT }
}
