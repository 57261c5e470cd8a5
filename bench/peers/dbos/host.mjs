// DBOS for JavaScript, with the load in the same process (`driver/host.mjs`).
//
//   node dbos/host.mjs URL_OF_POSTGRES CONNECTIONS

import { DBOS } from '@dbos-inc/dbos-sdk'
import { check, serve } from '../driver/closed-loop.mjs'
import { ORDER_STEPS, PARTS, SLEEP_MS, expected, input, output } from '../driver/order.mjs'

const [url, connections] = process.argv.slice(2)

const run = (step) => DBOS.runStep(async () => output(step), { name: step })

const order = DBOS.registerWorkflow(
  async () => {
    let last
    for (const step of ORDER_STEPS) last = await run(step)
    return last
  },
  { name: 'order' },
)

const fanout = DBOS.registerWorkflow(
  async () => {
    await run('split')
    await Promise.all(PARTS.map(run))
    return run('join')
  },
  { name: 'fanout' },
)

const sleeper = DBOS.registerWorkflow(
  async () => {
    await DBOS.sleep(SLEEP_MS)
    return output('woke')
  },
  { name: 'sleeper' },
)

DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, systemDatabasePoolSize: Number(connections), logLevel: 'error' })
await DBOS.launch()
await serve({
  one: {
    'order-5': async (id) => check(await order(input(id)), expected('order-5')),
    'fan-out': async (id) => check(await fanout(input(id)), expected('fan-out')),
    sleepers: async (id) => void (await DBOS.startWorkflow(sleeper, { workflowID: id })(input(id))),
  },
})
// Sleepers hold timers of an hour, and PostgreSQL is deleted next: there is nothing to shut down in order.
process.exit()
