// The handlers of Restate's services in JavaScript: order-5, fan-out, and a workflow that waits an hour.
//
// Prints the port of the loopback on which it serves, and ends on SIGTERM.

import { createServer } from 'node:http2'
import * as restate from '@restatedev/restate-sdk'
import { ORDER_STEPS, PARTS, SLEEP_MS, output } from '../driver/order.mjs'

const run = (context, step) => context.run(step, () => output(step))

const bench = restate.service({
  name: 'Bench',
  handlers: {
    async order(context) {
      let last
      for (const step of ORDER_STEPS) last = await run(context, step)
      return last
    },
    async fanout(context) {
      await run(context, 'split')
      await restate.RestatePromise.all(PARTS.map((part) => run(context, part)))
      return run(context, 'join')
    },
    async sleeper(context) {
      await context.sleep(SLEEP_MS)
      return output('woke')
    },
  },
})

const server = createServer(restate.createEndpointHandler({ services: [bench] }))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.on('SIGTERM', () => process.exit())
