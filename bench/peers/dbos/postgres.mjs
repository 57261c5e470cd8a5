// A PostgreSQL that a run makes for itself, with the settings that PostgreSQL has when nobody changes any.

import { existsSync, chmodSync, mkdirSync, chownSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Unavailable } from '../driver/places.mjs'
import { Program, freePort, output } from '../driver/processes.mjs'

const DEBIAN = '/usr/lib/postgresql'
const SETTINGS = ['fsync', 'synchronous_commit', 'wal_sync_method', 'full_page_writes', 'shared_buffers']

export class Postgres {
  constructor(folder) {
    this.folder = join(folder, 'postgres')
    this.data = join(this.folder, 'data')
    this.log = join(folder, 'postgres.log')
  }

  /** Makes the cluster and a database `bench`, and answers when both are there. */
  async start() {
    this.bin = await programs()
    this.owner = await owner()
    mkdirSync(this.folder)
    if (this.owner) {
      chmodSync(dirname(this.folder), 0o711)
      chownSync(this.folder, this.owner.uid, this.owner.gid)
      await output('test', ['-w', this.folder], this.owner).catch(() => {
        throw new Unavailable(`the user postgres cannot enter ${this.folder}; set BENCH_RUN to a folder that it can`)
      })
    }
    await output(join(this.bin, 'initdb'), ['-D', this.data, '-A', 'trust', '-U', 'postgres', '--no-sync'], this.owner)
    this.port = await freePort()
    const args = ['-D', this.data, '-p', this.port, '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${this.folder}`]
    this.server = new Program({ name: 'postgres', command: join(this.bin, 'postgres'), args: args.map(String), log: this.log, ...this.owner })
    await this.server.until(() => this.ask('select true', 'postgres'))
    await this.ask('create database bench', 'postgres')
  }

  get pid() {
    return this.server.pid
  }

  get url() {
    return `postgresql://postgres@127.0.0.1:${this.port}/bench`
  }

  async settings() {
    const values = await Promise.all(SETTINGS.map((name) => this.ask(`show ${name}`)))
    return SETTINGS.map((name, index) => `${name}=${values[index]}`).join(', ')
  }

  async version() {
    return (await this.ask('show server_version')).split(' ')[0]
  }

  async ask(query, database = 'bench') {
    const args = ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'postgres', '-Atqc', query, database]
    return (await output(join(this.bin, 'psql'), args)).trim()
  }

  /** A fast shutdown: connections are closed, and a last checkpoint is made. */
  async stop() {
    await this.server?.stop('SIGINT')
  }
}

async function programs() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [process.env.PG_BIN, ...versions.map((version) => join(DEBIAN, version, 'bin'))]
  const found = folders.find((folder) => folder && existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
  if (!found) throw new Unavailable(`there is no PostgreSQL in ${DEBIAN}; run bench/peers/setup.sh, or set PG_BIN to the folder of initdb`)
  return found
}

/** PostgreSQL refuses to run as root: the user that its package made owns the cluster then. */
async function owner() {
  if (process.getuid() !== 0) return undefined
  const id = async (flag) =>
    Number(
      await output('id', [flag, 'postgres']).catch(() => {
        throw new Unavailable('PostgreSQL does not run as root, and there is no user postgres; run bench/peers/setup.sh')
      }),
    )
  return { uid: await id('-u'), gid: await id('-g') }
}
