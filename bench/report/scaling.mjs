// What `postgres/scaling.mjs` simulates, in words and tables: beside what was measured first, and then alone.

import { ELSEWHERE, scaling } from '../postgres/scaling.mjs'
import { number, spread, table } from './figures.mjs'

const PARTS = {
  ring: 'ring: decides, says what is durable (engine)',
  committer: 'committer: encodes, sends (engine)',
  runtime: 'actions, clients, all else (engine and load)',
  database: 'PostgreSQL, all its processes',
  log: 'a sync of the log, and what it writes (waiting)',
}
const BUSY = { database: 'database', engine: 'engines', log: 'log', ring: 'rings' }

/** Markdown; nothing where the runs do not say what is needed for it. */
export function simulated(records) {
  const found = scaling(records)
  if (found === undefined) return []
  return [
    '### Simulated: more engines, more processors',
    preamble(found),
    costTable(found.costs),
    validation(found),
    `**Simulated only**: orders a second, and in parentheses which part is busiest, of PostgreSQL with so many cores, and engines with ${ELSEWHERE.engineCores} cores each on machines of their own, ${number(ELSEWHERE.inFlightEach)} orders in flight in each, ${number(ELSEWHERE.roundTripUs)} µs from an engine to the database and back (assumed). An engine, its actions and its load are of the speed that they have here; the disk is this one.`,
    elsewhereTable(found),
    NOT_MODELLED(found),
  ]
}

function preamble({ costs, cores, rows }) {
  const of = (engines) => rows.filter((row) => row.engines === engines)
  const more = rows.filter(({ engines }) => engines > 1).map(({ error }) => Math.abs(error))
  const busy = (engines) => {
    const used = spread(of(engines).map(({ measured }) => (measured.perSecond * measured.cpuUs) / 1e6))
    return used && `${number(used.min)} to ${number(used.max)} with ${engines === 1 ? 'one engine' : `${engines} engines`}`
  }
  const used = [1, 2, 3].map(busy).filter(Boolean).join(', ')
  return [
    `Engines, load and PostgreSQL share ${cores} cores here, of which they used ${used}. So the rows above say what it costs to share a database and what is in flight (smaller groups, so an order has more of a commit) and what it gains that one engine works while another one waits for the disk. What more machines give they cannot say.`,
    `That is simulated ([simulation.mjs](postgres/simulation.mjs)), event by event: transitions that wait for a free committer are one commit; a commit is work of the engine, then of PostgreSQL, then a sync, which several may share; processors are shared evenly. What each costs is a straight line through the medians of the ${of(1).length} rows with one engine (processors' time by thread, commits, syncs and how long they take), and one number is fitted to their rates: ${number(costs.handOver)} µs that a commit waits beside all that. Nothing of the rows with more engines goes in${more.length > 0 ? `; of their rates it is wrong by ${Math.round(spread(more).median * 100)} % in the median and ${Math.round(spread(more).max * 100)} % at most` : ''}.`,
  ].join(' ')
}

function costTable(costs) {
  const row = (name) => [PARTS[name], number(costs[name].commit), number(costs[name].transition)]
  return table(['µs', 'a commit', 'a transition in it'], Object.keys(PARTS).map(row))
}

function validation({ rows }) {
  const percent = (share) => `${share < 0 ? '−' : '+'}${Math.abs(share * 100).toFixed(0)} %`
  const row = ({ engines, inFlight, measured, simulated, error }) => [
    `${engines}, ${inFlight.toLocaleString('en-US')}${engines === 1 ? ' (calibrated)' : ''}`,
    number(measured.perSecond),
    number(simulated.perSecond),
    percent(error),
    `${number(measured.ordersACommit)}, ${number(simulated.ordersACommit)}`,
    `${number(measured.cpuUs)}, ${number(simulated.cpuUs)}`,
  ]
  return table(['engines, in flight', 'measured, orders/s', 'simulated', 'error', 'orders a commit: measured, simulated', 'CPU us each: measured, simulated'], rows.map(row))
}

function elsewhereTable({ elsewhere }) {
  const cell = ({ perSecond, busy }) => {
    const [part, share] = Object.entries(busy).sort(([, a], [, b]) => b - a)[0]
    // Two digits are more than it knows.
    return `${number(Number(perSecond.toPrecision(2)))} (${BUSY[part]} ${Math.min(100, Math.round(share * 100))} %)`
  }
  const head = ['PostgreSQL', ...ELSEWHERE.engines.map((engines) => (engines === 1 ? 'one engine' : `${engines} engines`))]
  return table(head, elsewhere.map(({ cores, each }) => [`${cores} cores`, ...each.map(cell)]))
}

const NOT_MODELLED = ({ walBytes }) =>
  `Not in it, so these are rather too much than too little, the more so the larger they are: that PostgreSQL's processes wait for each other (the locks of its log and its buffers, the last pages of its indexes), checkpoints and the whole pages that the log has after them beyond what these windows had, autovacuum, tables that are larger than memory, a standby that must confirm; ranges that are not evenly busy, engines that come and go, payloads of another size, workers in other processes. The log is ${number((walBytes * 10_000) / 2 ** 20)} MiB/s for every 10,000 orders/s.`
