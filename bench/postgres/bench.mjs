#!/usr/bin/env node
// This engine on a PostgreSQL, driven and measured as the peers are (`bench/peers/driver`), so that the same program counts what DBOS
// and this engine cost the same database.
//
//   node bench/postgres/bench.mjs WORKLOAD [--engines N] [--in-flight N] [--seconds S] [--profile]

import { workflowBench } from '../peers/driver/places.mjs'
import { main } from '../peers/driver/main.mjs'
import { OnPostgres } from '../peers/driver/on-postgres.mjs'
import { output } from '../peers/driver/processes.mjs'

/** Engines that join are given their share within this time, or not at all. */
const SHARED_WITHIN_MS = 30_000

class Ours extends OnPostgres {
  way = 'rust-in-process'

  async prepare() {
    this.version = (await output(workflowBench(), ['--version'])).trim().replace('workflow-bench', 'workflow.do')
    await super.prepare()
  }

  program() {
    return { command: workflowBench(), args: ['host', '--store', this.postgres.url] }
  }

  /** Each has its share of the executions, and knows it: what an engine starts belongs to it then. */
  async open() {
    await super.open()
    await this.postgres.server.until(async () => isShared(await this.owned()), SHARED_WITHIN_MS)
  }

  async run(load) {
    const before = await this.owned()
    const run = await super.run(load)
    const after = await this.owned()
    if (String(after) !== String(before)) throw new Error(`the engines owned ${before} slots before the run and ${after} after it`)
    return run
  }

  /** Slots that each engine owns. */
  owned() {
    return Promise.all(this.hosts.hosts.map((host) => host.owned()))
  }

  /** The CPU of these processes is counted by thread. */
  threadsOf() {
    return this.hosts.hosts.map((host) => host.pid)
  }
}

/** All slots are somebody's, and divided evenly: they change hands by ranges of 64. */
function isShared(owned) {
  const all = owned.reduce((sum, slots) => sum + slots, 0)
  return all === 64 * 64 && Math.max(...owned) - Math.min(...owned) <= 64
}

await main({
  usage: 'node bench/postgres/bench.mjs WORKLOAD [--engines N]',
  options: { engines: { type: 'string', default: '1' } },
  make: (folder, { engines }, workload) => new Ours(folder, { engines: Number(engines), counted: workload === 'order-5-postgres' }),
})
