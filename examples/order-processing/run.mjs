#!/usr/bin/env node
// What `make run` shows: orders arrive, the server is killed in the middle of them with SIGKILL, comes back, and nothing
// is lost and nobody is charged twice. It exits with 0 only if the records of both sides say so (run/verify.mjs).
//
//   node run.mjs [--data DIR] [path of the workflow binary]
//
// DIR (.run/order-processing) is emptied first and keeps the database, the logs and the service's books afterwards.

import { once, setMaxListeners } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Api, inParallel } from './run/api.mjs'
import { assertAlive, call, crash, freePort, start, stopAll } from './run/processes.mjs'
import { count, createScreen, seconds } from './run/screen.mjs'
import { isDeclined, verify } from './run/verify.mjs'

const HERE = dirname(fileURLToPath(import.meta.url))
const ROOT = resolve(HERE, '../..')
const { values: options, positionals } = parseArgs({ options: { data: { type: 'string' } }, allowPositionals: true })
const BINARY = resolve(positionals[0] ?? join(ROOT, 'target/release/workflow'))
const DATA = resolve(options.data ?? join(ROOT, '.run/order-processing'))
const FILES = {
  db: join(DATA, 'orders.db'),
  serverLog: join(DATA, 'server.log'),
  serviceLog: join(DATA, 'service.log'),
  charges: join(DATA, 'charges.jsonl'),
  calls: join(DATA, 'calls.jsonl'),
}

const WORKFLOW = 'order-processing'
const ARRIVALS_PER_SECOND = 250
const STARTS_AT_ONCE_MAX = 64
// The kill comes once 30 % of the orders have ended. Until then only 55 % of them arrive, so that it cannot come after
// 60 %, however slow the machine and its clock are.
const KILL_AT_SHARE = 0.3
const ARRIVE_BEFORE_KILL_SHARE = 0.55
const CHARGES_UNANSWERED_AT_KILL = 4
const LOOK_EVERY_MS = 100
const NO_CHANGE_MS_MAX = 60_000
const CLI_AT_ONCE = 4

const screen = createScreen()
const { bold, dim, green, red, yellow, cyan } = screen.style
const stop = new AbortController()
setMaxListeners(0, stop.signal)

async function main() {
  if (!existsSync(BINARY)) throw new Error(`there is no workflow binary at ${BINARY}; build it with \`make build\``)
  const orders = readLines(join(HERE, 'orders.jsonl'))
  rmSync(DATA, { recursive: true, force: true })
  mkdirSync(DATA, { recursive: true })

  const run = await open(orders)
  screen.note(`\n${bold('order-processing')}: ${count(orders.length)} orders, ${orders.filter(isDeclined).length} of them with a card that is declined`)
  screen.note(dim(`  server    ${run.api.base} (pid ${run.server.pid})`))
  screen.note(dim(`  actions   ${run.serviceUrl} (pid ${run.service.pid})`))
  screen.note(dim(`  data      ${here(DATA)}\n`))

  run.startedAt = Date.now()
  await Promise.all([arrive(run), killInTheMiddle(run).then(() => untilAllEnded(run))])
  await retryDeclined(run)
  run.endedAt = Date.now()

  const records = await readRecords(run)
  await stopAll()
  const verdict = verify(records)
  summary(run, verdict)
  if (verdict.problems.length > 0) throw new Error(complaint(verdict.problems))
}

/** Both processes, and the server told where the actions are and what an order is. */
async function open(orders) {
  const [servicePort, serverPort] = [await freePort(), await freePort()]
  const serviceUrl = `http://127.0.0.1:${servicePort}`
  const api = new Api(`http://127.0.0.1:${serverPort}`)
  const run = { orders, api, serviceUrl, started: new Map(), ended: 0, active: 0, repeats: 0, wereThere: 0 }
  run.service = await start({
    name: 'the action service',
    command: process.execPath,
    args: [join(HERE, 'service.mjs'), '--listen', `127.0.0.1:${servicePort}`, '--data', DATA],
    log: FILES.serviceLog,
    ready: async () => (await fetch(serviceUrl)).ok,
  })
  run.server = await startServer(run)
  await cli(run, 'endpoint', 'add', 'orders', serviceUrl)
  await cli(run, 'register', join(HERE, 'workflow.json'))
  return run
}

function startServer({ api }) {
  return start({
    name: 'the workflow server',
    command: BINARY,
    args: ['serve', '--db', FILES.db, '--listen', new URL(api.base).host],
    log: FILES.serverLog,
    ready: () => api.ready(),
  })
}

/** The command line, speaking to the server of this run. */
const cli = (run, ...args) => call(BINARY, args, { WORKFLOW_URL: run.api.base })

/** Orders come in at a steady rate, each started under its own number as idempotency key. */
async function arrive(run) {
  const { orders, api } = run
  const first = Date.now()
  await inParallel(orders, STARTS_AT_ONCE_MAX, async (order, n) => {
    await sleep(Math.max(0, first + (n * 1000) / ARRIVALS_PER_SECOND - Date.now()))
    while (!run.killedAt && n >= orders.length * ARRIVE_BEFORE_KILL_SHARE) await sleep(LOOK_EVERY_MS, undefined, { signal: stop.signal })
    const { execution, wasThere, repetitions } = await api.start(WORKFLOW, order, order.orderId, stop.signal)
    run.started.set(order.orderId, execution.id)
    if (repetitions > 0) run.repeats++
    if (wasThere) run.wereThere++
  })
  run.arrived = true
}

/** SIGKILL while charges are under way that are booked but not yet known to the engine, then the server again. */
async function killInTheMiddle(run) {
  let before = -1
  let changedAt = Date.now()
  for (;;) {
    await look(run)
    if (run.ended !== before) [before, changedAt] = [run.ended, Date.now()]
    if (run.ended >= run.orders.length * KILL_AT_SHARE) {
      const { chargesUnanswered, underWay } = await serviceStats(run)
      if (chargesUnanswered >= CHARGES_UNANSWERED_AT_KILL) {
        run.killedAt = Date.now()
        run.callsUnderWay = underWay
        run.chargesUnanswered = chargesUnanswered
        break
      }
    }
    if (Date.now() - changedAt > NO_CHANGE_MS_MAX) {
      throw new Error(`no good moment for the kill: ${run.ended} orders have ended, and none for ${NO_CHANGE_MS_MAX / 1000} s`)
    }
    await sleep(LOOK_EVERY_MS / 4, undefined, { signal: stop.signal })
  }
  const { pid } = run.server
  await crash(run.server)
  screen.note(`  ${yellow('✗')} ${clock(run)}  server killed with SIGKILL (pid ${pid}) when ${count(run.ended)} orders had ended`)
  screen.note(dim(`             ${run.callsUnderWay} calls were under way, ${run.chargesUnanswered} of them charges that were booked and not answered`))
  const down = Date.now()
  run.server = await startServer(run)
  run.recoveryMs = Date.now() - down
  screen.note(`  ${green('✓')} ${clock(run)}  server started again (pid ${run.server.pid}), ready after ${seconds(run.recoveryMs)}`)
}

/** Waits until no execution is active, and until no order is still to come. */
async function untilAllEnded(run) {
  let before = ''
  let changedAt = Date.now()
  for (;;) {
    const executions = await look(run)
    if (executions && run.arrived && run.active === 0) return executions
    const now = `${run.ended} ${run.active} ${run.started.size}`
    if (now !== before) [before, changedAt] = [now, Date.now()]
    if (Date.now() - changedAt > NO_CHANGE_MS_MAX) {
      throw new Error(`nothing has moved for ${NO_CHANGE_MS_MAX / 1000} s: ${run.ended} of ${run.orders.length} orders have ended, ${run.active} are active`)
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal: stop.signal })
  }
}

/** Counts the executions as the server lists them, and shows it. Null while the server does not answer. */
async function look(run) {
  assertAlive()
  const executions = await run.api.list(WORKFLOW)
  if (executions) {
    const failed = executions.filter(({ status }) => status === 'failed').length
    run.ended = failed + executions.filter(({ status }) => status === 'completed').length
    run.active = executions.length - run.ended
    const text = `${count(run.ended)} ended (${failed} failed), ${run.active} active, ${count(run.orders.length - executions.length)} to come`
    screen.progress({ done: run.ended, total: run.orders.length, text })
  }
  return executions
}

/** The cards work again, and every failed order goes on from its charge: `workflow retry ID`. */
async function retryDeclined(run) {
  const failed = (await run.api.list(WORKFLOW)).filter(({ status }) => status === 'failed')
  run.failed = await inParallel(failed, CLI_AT_ONCE, ({ id }) => run.api.execution(id))
  await post(`${run.serviceUrl}/admin/cards/fix`)
  screen.note(`  ${yellow('!')} ${clock(run)}  all have ended, ${failed.length} failed: card declined; the cards are fixed now`)
  screen.note(`             ${cyan('workflow retry ID')} ${dim('for each of them')}`)
  await inParallel(failed, CLI_AT_ONCE, ({ id }) => cli(run, 'retry', id))
  await untilAllEnded(run)
}

const serviceStats = async ({ serviceUrl }) => (await fetch(`${serviceUrl}/admin/stats`)).json()

async function post(url) {
  const response = await fetch(url, { method: 'POST' })
  if (!response.ok) throw new Error(`POST ${url}: ${response.status} ${await response.text()}`)
}

async function readRecords(run) {
  const executions = await run.api.list(WORKFLOW)
  const ids = [...new Set([...executions.map(({ id }) => id), ...run.started.values()])]
  screen.progress({ done: 1, total: 1, text: `reading ${count(ids.length)} histories` })
  const histories = await inParallel(ids, 16, async (id) => [id, await run.api.history(id)])
  screen.done()
  return {
    orders: run.orders,
    started: run.started,
    executions,
    histories: new Map(histories),
    failed: run.failed,
    calls: readLines(FILES.calls),
    charges: readLines(FILES.charges),
    killedAt: run.killedAt,
  }
}

function summary(run, { problems, facts, witness }) {
  const interruptedCharges = facts.interrupted.filter(({ stepId }) => stepId === 'charge').length
  const percent = Math.round((facts.endedAtKill / facts.orders) * 100)
  const took = run.endedAt - run.startedAt

  screen.note()
  screen.table([
    { label: 'orders completed', value: count(facts.completed), note: `of ${count(facts.orders)}`, strong: problems.length === 0 },
    { label: 'failed, then retried by hand', value: count(facts.retriedByHand), note: 'card declined; workflow retry after the fix' },
    { label: 'failed attempts, tried again', value: count(facts.failedAttempts), note: 'declines, 503s, timeouts, lost connections' },
    null,
    { label: 'ended when the server was killed', value: `${percent} %`, note: `SIGKILL; ready again after ${seconds(run.recoveryMs)}` },
    { label: 'steps interrupted and run again', value: count(facts.interrupted.length), note: `${interruptedCharges} of them charges` },
    { label: 'start calls repeated', value: count(run.repeats), note: `same key; ${run.wereThere} had been started before` },
    null,
    { label: 'calls of chargeCard', value: count(facts.chargeCalls), note: 'an action runs at least once' },
    { label: 'cards charged exactly once', value: count(facts.charges), note: 'by idempotency key, in the service’s ledger', strong: problems.length === 0 },
    null,
    { label: 'time taken', value: seconds(took), note: `${Math.round(facts.orders / (took / 1000))} orders/s; they arrive at ${ARRIVALS_PER_SECOND}/s` },
  ])
  if (problems.length > 0) return
  screen.note()
  screen.note(`  ${green('✓')} ${bold('nothing was lost, and nobody was charged twice')}`)
  if (witness) showWitness(witness)
  showWhereToLook(run, witness)
}

/** One order that was cut off between the charge and its answer, as the service saw it. */
function showWitness({ key, calls, charge }) {
  const money = new Intl.NumberFormat('en-US', { style: 'currency', currency: charge.currency }).format(charge.amount / 100)
  screen.note()
  screen.note(`  An order that the kill cut off between the charge and its answer (${charge.orderId}, ${money}):`)
  for (const { attempt, outcome, answered } of calls) {
    screen.note(dim(`    attempt ${attempt}   ${key}   ${outcome}, ${answered ? 'answered' : 'nobody left to hear it'}`))
  }
}

function showWhereToLook({ failed }, witness) {
  const workflow = here(BINARY)
  const example = witness?.executionId ?? failed[0]?.id
  screen.note()
  screen.note('  Where to look next:')
  for (const [command, what] of [
    [`${workflow} serve --db ${here(FILES.db)}`, 'the same orders, in a server of yours; then, beside it:'],
    [`${workflow} list --limit 10`, 'the newest orders'],
    [`${workflow} history ${example}`, 'an interrupted order, entry by entry'],
    [`sqlite3 -readonly ${here(FILES.db)} "SELECT id, status, started_at, error FROM executions LIMIT 5"`, 'the same rows in a database shell, with or without a server'],
    [`grep -h ${example} ${here(DATA)}/*.jsonl`, 'the same order as the service saw it'],
  ]) {
    screen.note(`    ${cyan(command)}\n      ${dim(what)}`)
  }
  screen.note()
}

function complaint(problems) {
  const shown = problems.slice(0, 10).map((text) => `    - ${text}`)
  if (problems.length > shown.length) shown.push(`    - and ${problems.length - shown.length} more`)
  return `the records do not agree:\n${shown.join('\n')}`
}

const readLines = (path) => readFileSync(path, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
const clock = ({ startedAt }) => seconds(Date.now() - startedAt).padStart(7)
const here = (path) => relative(process.cwd(), resolve(path)) || '.'

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, async () => {
    stop.abort(new Error('stopped'))
    await stopAll()
    screen.note(`\n  stopped by ${signal}`)
    process.exit(128 + constants.signals[signal])
  })
}

try {
  await main()
} catch (error) {
  // A signal reaches the server and the service too: what fails because of that is no finding.
  if (stop.signal.aborted) await once(process, 'exit')
  stop.abort(error)
  await stopAll()
  screen.note(`\n  ${red('failed')}: ${error.message}`)
  if (existsSync(DATA)) screen.note(`  logs and records: ${here(DATA)} (server.log, service.log, calls.jsonl, charges.jsonl)`)
  process.exit(1)
}
