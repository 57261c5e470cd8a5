/**
 * The engine in another process, a `workflow serve`; this one only runs the actions. Any number of such processes may.
 *
 * With WORKFLOW_URL it is the server there, without it is one of its own.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import { OrderWorkflow } from './order.js'
import { services } from './services.js'
import { processOrders } from './shop.js'

const { url, stop } = process.env.WORKFLOW_URL ? { url: process.env.WORKFLOW_URL, stop: async () => {} } : await serve()
const env = services()
const workflow = new OrderWorkflow({ url, env })
await processOrders(workflow, env)
await workflow.close()
await stop()

async function serve(): Promise<{ url: string; stop(): Promise<void> }> {
  const args = ['workflow.do', 'serve', '--json', '--db', 'orders-remote.db', '--listen', '127.0.0.1:0', '--log', 'warn']
  const server = spawn('npx', args, { stdio: ['ignore', 'pipe', 'inherit'], shell: process.platform === 'win32' })
  const ended = once(server, 'exit')
  // The first line says where it listens.
  const [line] = (await once(createInterface(server.stdout), 'line')) as [string]
  const { url, pid } = JSON.parse(line) as { url: string; pid: number }
  console.log(`workflow serve, process ${pid}, on ${url}\n`)
  return {
    url,
    async stop() {
      process.kill(pid)
      await ended
    }
  }
}
