#!/usr/bin/env node
// This engine on a PostgreSQL, driven and measured as the peers are (`bench/peers/driver`), so that the same program counts what DBOS
// and this engine cost the same database.
//
//   node bench/postgres/bench.mjs WORKLOAD [--engines N] [--in-flight N] [--seconds S] [--profile]

import { workflowBench } from '../peers/driver/places.mjs'
import { main } from '../peers/driver/main.mjs'
import { OnPostgres } from '../peers/driver/on-postgres.mjs'
import { output } from '../peers/driver/processes.mjs'

class Ours extends OnPostgres {
  way = 'rust-in-process'

  async prepare() {
    this.version = (await output(workflowBench(), ['--version'])).trim().replace('workflow-bench', 'workflow.do')
    await super.prepare()
  }

  program() {
    return { command: workflowBench(), args: ['host', '--store', this.postgres.url] }
  }
}

await main({
  usage: 'node bench/postgres/bench.mjs WORKLOAD [--engines N]',
  options: { engines: { type: 'string', default: '1' } },
  make: (folder, { engines }, workload) => new Ours(folder, { engines: Number(engines), counted: workload === 'order-5-postgres' }),
})
