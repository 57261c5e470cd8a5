// The order workload from Node: the engine in the process, and a worker of `workflow serve` in another process.
//
//   node bench/node/order.mjs PATH_OF_THE_WORKFLOW_BINARY [--quick]
//
// Not a test: it asserts no times. The same order as in `bench/src/order.rs`, so that its rows can be read beside those.

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

import { Workflow } from '../../npm/workflow.do/dist/index.js'

const FULL = { rounds: 3, warmUp: 1_000, window: 5_000, samples: 3_000 }
const QUICK = { rounds: 1, warmUp: 300, window: 1_000, samples: 300 }
const IN_FLIGHT = [64, 256, 1_000]

/** About 100 bytes. */
const OUTPUT = { status: 'ok', reference: 'ref_0123456789abcdef0123456789abcdef', amount: 4200, currency: 'EUR' }
const input = (number) => ({ orderId: `ord_${String(number).padStart(8, '0')}`, customerId: 'cus_0123456789abcdef', total: 4200, currency: 'EUR' })

class OrderWorkflow extends Workflow {
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
  }
  async validatePayment() { return OUTPUT }
  async reserveInventory() { return OUTPUT }
  async chargeCard() { return OUTPUT }
  async fulfillOrder() { return OUTPUT }
  async sendConfirmation() { return OUTPUT }
}

async function one(workflow, number) {
  const { id } = await workflow.start('order-processing', input(number))
  const { status } = await workflow.wait(id)
  if (status !== 'completed') throw new Error(`order ${id} ended as ${status}`)
}

/** `inFlight` clients, each of which starts its next order when the last one has completed. */
async function closedLoop(workflow, inFlight, { warmUp, window }) {
  let [completed, stop] = [0, false]
  const client = async (first) => {
    for (let number = first; !stop; number += 1) {
      await one(workflow, number)
      completed += 1
    }
  }
  const clients = Array.from({ length: inFlight }, (_, index) => client(index * 1_000_000))
  await sleep(warmUp)
  const before = completed
  const since = performance.now()
  await sleep(window)
  const rate = ((completed - before) / (performance.now() - since)) * 1_000
  stop = true
  await Promise.all(clients)
  return { rate, completed }
}

async function oneAtATime(workflow, samples) {
  const times = []
  for (let number = -samples / 10; number < samples; number += 1) {
    const since = performance.now()
    await one(workflow, 900_000_000 + number)
    if (number >= 0) times.push(performance.now() - since)
  }
  return times.sort((a, b) => a - b)
}

/** Runs `measure` with an engine in this process, or as a worker of a server of its own. */
const homes = (binary, folder) => ({
  'Node in process': async (name, measure) => {
    const store = join(folder, `${name}.db`)
    const workflow = new OrderWorkflow({ store, concurrency: 4_096 })
    try {
      return await measure(workflow, store)
    } finally {
      await workflow.close()
    }
  },
  'server + Node worker': async (name, measure) => {
    const store = join(folder, `${name}.db`)
    const server = await serve(binary, store)
    const workflow = new OrderWorkflow({ url: server.url, concurrency: 4_096 })
    try {
      return await measure(workflow, store)
    } finally {
      await workflow.close()
      await server.stop()
    }
  },
})

async function serve(binary, store) {
  const child = spawn(binary, ['serve', '--db', store, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const lines = createInterface(child.stdout)
  const url = await new Promise((resolve, reject) => {
    lines.on('line', (line) => /http:\/\/127\.0\.0\.1:\d+/.test(line) && resolve(/http:\/\/127\.0\.0\.1:\d+/.exec(line)[0]))
    child.once('error', reject)
    ended.then((code) => reject(new Error(`the server ended with ${code} before it listened`)))
  })
  return { url, stop: () => (child.kill('SIGTERM'), ended) }
}

function resident() {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1_024
}

const percentile = (sorted, share) => sorted[Math.round((sorted.length - 1) * share)].toFixed(2)

async function main() {
  const [binary, ...rest] = process.argv.slice(2)
  if (binary === undefined || (rest.length > 0 && rest.join(' ') !== '--quick')) {
    process.stderr.write('usage: node bench/node/order.mjs PATH_OF_THE_WORKFLOW_BINARY [--quick]\n')
    process.exit(2)
  }
  const plan = rest.length > 0 ? QUICK : FULL
  // On the disk that the project lies on: a temporary folder may be in memory.
  const folder = mkdtempSync(join(process.cwd(), 'bench-'))
  try {
    console.log(`order-5 from Node ${process.versions.node}: the same order, each of its five steps a method of a class`)
    for (const [home, open] of Object.entries(homes(binary, folder))) {
      const times = await open('latency', (workflow) => oneAtATime(workflow, plan.samples))
      rmSync(join(folder, 'latency.db'), { force: true })
      console.log(`\n${home}: one at a time p50 ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms`)
      console.log(['in flight', 'executions/s', 'rounds', 'resident MiB', 'bytes/order'].map((title, at) => title.padStart([9, 12, 20, 12, 12][at])).join('  '))
      for (const inFlight of IN_FLIGHT) {
        const rates = []
        let [mib, bytes] = [0, 0]
        for (let round = 0; round < plan.rounds; round += 1) {
          const name = `order-${inFlight}-${round}`
          const run = await open(name, async (workflow) => {
            const run = await closedLoop(workflow, inFlight, plan)
            mib = resident()
            return run
          })
          rates.push(run.rate)
          bytes = statSync(join(folder, `${name}.db`)).size / run.completed
          rmSync(join(folder, `${name}.db`))
        }
        rates.sort((a, b) => a - b)
        const median = rates[Math.floor(rates.length / 2)]
        const row = [String(inFlight), median.toFixed(0), rates.map((rate) => rate.toFixed(0)).join(' '), mib.toFixed(1), bytes.toFixed(0)]
        console.log(row.map((cell, at) => cell.padStart([9, 12, 20, 12, 12][at])).join('  '))
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
