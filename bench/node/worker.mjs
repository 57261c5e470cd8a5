// A remote worker in TypeScript, for a server in another process:
//
//   node bench/node/worker.mjs URL

import { Bench, CONCURRENCY } from './workloads.mjs'

const [url] = process.argv.slice(2)
const workflow = new Bench({ url, concurrency: CONCURRENCY })
process.once('SIGTERM', () => workflow.close())
await workflow.ready()
process.stdout.write('ready\n')
