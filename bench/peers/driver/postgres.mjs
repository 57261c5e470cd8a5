// A PostgreSQL that a run makes for itself, with the settings that PostgreSQL has when nobody changes any.

import { existsSync, chmodSync, mkdirSync, chownSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Unavailable } from './places.mjs'
import { Program, freePort, output } from './processes.mjs'

const DEBIAN = '/usr/lib/postgresql'
const SETTINGS = ['fsync', 'synchronous_commit', 'wal_sync_method', 'full_page_writes', 'shared_buffers']
/** In the order of `counts`; `wal_sync_time` is in milliseconds. */
const TOLD = "xact_commit, wal_sync, wal_sync_time from pg_stat_wal, pg_stat_database where datname = 'bench'"
const IN_BENCH = "dbid = (select oid from pg_database where datname = 'bench')"
/**
 * Debian's package of the server has it. It costs each statement some microseconds, so only those who want the counts load it; the time
 * of a sync costs two looks at a clock each.
 */
const COUNTING = ['-c', 'shared_preload_libraries=pg_stat_statements', '-c', 'track_wal_io_timing=on']
/** Statements that `costliest` tells of. */
const COSTLIEST = 14

export class Postgres {
  /** `counted`: statements are counted, for `counts` and `costliest`. */
  constructor(folder, { counted = false } = {}) {
    this.counted = counted
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
    if (this.counted) args.push(...COUNTING)
    this.server = new Program({ name: 'postgres', command: join(this.bin, 'postgres'), args: args.map(String), log: this.log, ...this.owner })
    await this.server.until(() => this.ask('select true', 'postgres'))
    await this.ask('create database bench', 'postgres')
    if (this.counted) await this.ask('create extension pg_stat_statements', 'postgres')
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

  /**
   * What it has done since it was started: statements in the database `bench` (each one of a message counts, BEGIN and COMMIT too; what
   * asks for the counts is in another database), COMMITs among them, and bytes of the write-ahead log, whoever wrote them. And what each
   * process has told the statistics, up to a second late, so of these only ratios are exact: `told` transactions of `bench`, syncs of
   * the log and how long they took.
   */
  async counts() {
    const counted = `coalesce(sum(calls), 0), coalesce(sum(calls) filter (where upper(query) = 'COMMIT'), 0), pg_current_wal_lsn() - '0/0'`
    const numbers = async (query) => (await this.ask(query, 'postgres')).split('|').map(Number)
    const [statements, commits, walBytes] = await numbers(`select ${counted} from pg_stat_statements where ${IN_BENCH}`)
    // PostgreSQL 18 has its syncs elsewhere: then they are not known.
    const [told, syncs, syncMs] = await numbers(`select ${TOLD}`).catch(() => [])
    return { statements, commits, walBytes, told, syncs, syncMs }
  }

  /** The statements that took it longest, a line each: for people who look for where the time goes. */
  async costliest() {
    const columns = `calls, rows, round(total_exec_time) || ' ms', round((total_exec_time * 1000 / calls)::numeric) || ' us each', wal_bytes || ' bytes of log'`
    const query = `select ${columns}, left(regexp_replace(query, '\\s+', ' ', 'g'), 90) from pg_stat_statements where ${IN_BENCH} order by total_exec_time desc limit ${COSTLIEST}`
    return this.ask(query, 'postgres')
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
