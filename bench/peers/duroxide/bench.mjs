#!/usr/bin/env node
// duroxide as a library, on a file of SQLite.
//
//   node bench/peers/duroxide/bench.mjs WORKLOAD [--workers N] [--poll-ms MS] [--in-flight N] [--seconds S]
//
// Both options begin with duroxide's own defaults. Its client waits by polling, from 5 ms on, doubling up to 100 ms.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Host, Hosted } from '../driver/host.mjs'
import { main } from '../driver/main.mjs'
import { compiled } from '../driver/places.mjs'

const MANIFEST = readFileSync(join(import.meta.dirname, 'host/Cargo.toml'), 'utf8')

class Duroxide extends Hosted {
  way = 'duroxide-sqlite'
  durability = "its own setting, synchronous=WAL, is no value that SQLite knows and counts as NORMAL: a commit is not synced"

  constructor(folder, { workers, 'poll-ms': pollMs }) {
    super()
    Object.assign(this, { folder, workers, pollMs })
    this.dataFolder = join(folder, 'data')
    this.version = `duroxide ${/^duroxide = .*"=(.*?)"/m.exec(MANIFEST)[1]}, ${workers} + ${workers} workers, polls every ${pollMs} ms`
  }

  async open() {
    mkdirSync(this.dataFolder)
    const args = [join(this.dataFolder, 'duroxide.db'), this.workers, this.pollMs]
    // Its log goes to the standard output, which is the dialogue with the driver here.
    const env = { ...process.env, RUST_LOG: 'off' }
    this.host = new Host({ name: 'the host of duroxide', command: compiled('duroxide-host'), args, env, log: join(this.folder, 'host.log') })
    await this.host.ready()
  }
}

await main({
  usage: 'node bench/peers/duroxide/bench.mjs WORKLOAD [--workers N] [--poll-ms MS]',
  options: { workers: { type: 'string', default: '2' }, 'poll-ms': { type: 'string', default: '100' } },
  make: (folder, values) => new Duroxide(folder, values),
})
