// What runs inside workerd: the workflows, and a script that starts one for each request and answers when it has completed.

import { WorkflowEntrypoint } from 'cloudflare:workers'
import { ORDER_STEPS, PARTS, SLEEP_MS, output } from './order.mjs'

const LOOK_EVERY_MS = 2
const COMPLETED_WITHIN_MS = 100_000

// Workflows whose handler has returned: spares this script to ask for their status in vain. A client of its own could not know.
const returned = new Set()
let asleep = 0

export class Order extends WorkflowEntrypoint {
  async run({ instanceId }, step) {
    let last
    for (const name of ORDER_STEPS) last = await step.do(name, async () => output(name))
    returned.add(instanceId)
    return last
  }
}

export class FanOut extends WorkflowEntrypoint {
  async run({ instanceId }, step) {
    const run = (name) => step.do(name, async () => output(name))
    await run('split')
    await Promise.all(PARTS.map(run))
    const last = await run('join')
    returned.add(instanceId)
    return last
  }
}

export class Sleeper extends WorkflowEntrypoint {
  async run(_event, step) {
    asleep += 1
    await step.sleep('an hour', SLEEP_MS)
    return output('woke')
  }
}

export default {
  async fetch(request, env) {
    const [, workflow] = new URL(request.url).pathname.split('/')
    if (workflow === 'asleep') return Response.json(asleep)
    const params = await request.json()
    const instance = await env[workflow].create({ id: params.orderId, params })
    try {
      return workflow === 'SLEEPER' ? Response.json({ id: params.orderId }) : await completed(instance, params.orderId)
    } finally {
      // This, as the status below, is a handle of something in another isolate, where it may stay for long otherwise.
      instance[Symbol.dispose]?.()
    }
  },
}

async function completed(instance, id) {
  const deadline = Date.now() + COMPLETED_WITHIN_MS
  while (Date.now() < deadline) {
    if (returned.has(id)) {
      const found = await instance.status()
      const { status, output, error } = structuredClone(found)
      found[Symbol.dispose]?.()
      if (status === 'complete') {
        returned.delete(id)
        return Response.json(output)
      }
      if (status === 'errored' || status === 'terminated') return Response.json({ status, error }, { status: 500 })
    }
    await scheduler.wait(LOOK_EVERY_MS)
  }
  return new Response('not completed in time', { status: 504 })
}
