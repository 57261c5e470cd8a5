// An engine that is a library, on a PostgreSQL of its own: one process with its load, or several that share the database.

import { join } from 'node:path'
import { Host, Hosts } from './host.mjs'
import { Postgres } from './postgres.mjs'

export class OnPostgres {
  /** `engines` processes; `counted`: PostgreSQL counts its statements. */
  constructor(folder, { engines = 1, counted = false } = {}) {
    Object.assign(this, { folder, engines, postgres: new Postgres(folder, { counted }) })
    // Tables and indexes; the log of transactions is recycled.
    this.dataFolder = join(this.postgres.data, 'base')
  }

  /** What the process at this place is started with: `{command, args, env}`. */
  program() {
    throw new Error('expected a class that says what is started')
  }

  async prepare() {
    await this.postgres.start()
    this.durability = `PostgreSQL's defaults: ${await this.postgres.settings()}`
    this.version += `, PostgreSQL ${await this.postgres.version()}`
  }

  /** One after the other: the first makes the tables. */
  async open() {
    this.hosts = new Hosts([])
    for (let at = 0; at < this.engines; at += 1) {
      const name = this.#name(at)
      const host = new Host({ name, log: join(this.folder, `${name}.log`), ...this.program(at) })
      this.hosts.hosts.push(host)
      await host.ready()
    }
  }

  parts() {
    return { ...Object.fromEntries(this.hosts.hosts.map((host, at) => [this.#name(at), host.pid])), postgres: this.postgres.pid }
  }

  run(load) {
    return this.hosts.run(load)
  }

  async close() {
    await this.hosts?.stop()
    await this.postgres.stop()
  }

  #name(at) {
    return at === 0 ? 'host' : `host-${at + 1}`
  }
}
