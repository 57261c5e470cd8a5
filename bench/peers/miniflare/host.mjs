// Starts workerd with the workflows of `script.mjs`, and prints the URL on which they are served.
//
//   node miniflare/host.mjs FOLDER_FOR_THE_DATA

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Miniflare } from 'miniflare'

const module = (name, path) => ({ type: 'ESModule', path: name, contents: readFileSync(join(import.meta.dirname, path), 'utf8') })

const miniflare = new Miniflare({
  host: '127.0.0.1',
  port: 0,
  modules: [module('script.mjs', 'script.mjs'), module('order.mjs', '../driver/order.mjs')],
  compatibilityDate: '2026-04-01',
  workflowsPersist: process.argv[2],
  workflows: {
    ORDER: { name: 'order', className: 'Order' },
    FANOUT: { name: 'fan-out', className: 'FanOut' },
    SLEEPER: { name: 'sleeper', className: 'Sleeper' },
  },
})

console.log(String(await miniflare.ready))
// Lives until the driver closes the pipe.
for await (const _ of createInterface({ input: process.stdin }));
await miniflare.dispose()
