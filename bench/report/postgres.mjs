// The section of `bench/RESULTS.md` about PostgreSQL: records of their own (`run.mjs --plan postgres`), so figures of their own run.

import { number, percent, spread, spreadText, table, times } from './figures.mjs'
import { simulated } from './scaling.mjs'
import { NAMES } from './ways.mjs'

const IN_FLIGHT = [64, 256, 1_000]
const WORKLOAD = 'order-5-postgres'
const [OURS, DBOS] = ['rust-in-process', 'dbos-js-postgres']
/** Those that are asked for; what was not run is said to be so. */
const ENGINES = [1, 2, 3]
const DBOS_GOAL = 15
/** Above it other programs had a part in a figure. */
const OTHER_CORES_MAX = 0.2

const of = (records, way, engines, inFlight, field = 'per_second') => records.of(field, { workload: WORKLOAD, way, engines, in_flight: inFlight })

/** Ours against DBOS with as many processes, or with one where more of it were not run (`besideOne`): `{inFlight, ratio, byRound, share, besideOne}` of what was measured. */
export function ratios(records, engines) {
  return IN_FLIGHT.map((inFlight) => {
    const [ours, asMany] = [of(records, OURS, engines, inFlight), of(records, DBOS, engines, inFlight)]
    const theirs = asMany ?? of(records, DBOS, 1, inFlight)
    const ratio = ours && theirs && ours.median / theirs.median
    return { inFlight, ratio, byRound: byRound(records, engines, inFlight), share: ratio && ratio / DBOS_GOAL, besideOne: asMany === undefined }
  }).filter(({ ratio }) => ratio !== undefined)
}

/** The spread of the ratios within rounds: what else the machine did in a round, it did to both. */
function byRound(records, engines, inFlight) {
  const ran = (way, engines) => records.where({ workload: WORKLOAD, way, engines, in_flight: inFlight, per_second: (rate) => rate !== undefined })
  const theirs = ran(DBOS, engines).length > 0 ? ran(DBOS, engines) : ran(DBOS, 1)
  return spread(ran(OURS, engines).map((ours) => ours.per_second / theirs.find(({ round }) => round === ours.round)?.per_second))
}

/** Markdown; nothing when nothing was run. */
export function postgres(records) {
  if (records.all.length === 0) return []
  return ['## On PostgreSQL: order-5, and DBOS on the same', preamble(records), goalTable(records), EACH_DOES, costTable(records), leftOut(records), ...simulated(records)].filter(Boolean)
}

/** A sentence for the README of the project. */
export function postgresSentence(records) {
  const [ours, theirs] = [of(records, OURS, 1, 256), of(records, DBOS, 1, 256)]
  if (!ours || !theirs) return undefined
  return `With its state in PostgreSQL, the library in Rust completed ${number(ours.median)} of these orders a second with 256 in flight, DBOS on the same PostgreSQL ${number(theirs.median)} ([a run of its own](bench/RESULTS.md#on-postgresql-order-5-and-dbos-on-the-same)).`
}

function preamble(records) {
  const { machine } = records
  const loops = records.where({ workload: WORKLOAD })
  const settings = [...new Set(loops.map((record) => record.durability).filter(Boolean))]
  const versions = [...new Set(records.all.map((record) => record.version).filter(Boolean))].sort()
  const others = spread(records.all.map((record) => record.other_cores))
  const windows = spread(loops.map((record) => record.seconds))
  return [
    `A run of its own, of ${machine.at?.slice(0, 10)}, commit \`${machine.commit}\`, by \`make bench-postgres\` (every record: [results-postgres.json](results-postgres.json)); ${machine.cpu}, ${machine.cores} cores, ${machine.disk ?? '–'}.`,
    `Both are libraries in a process with the load, or in several that share the database and what is in flight; one way after the other, each time on a new PostgreSQL that nobody else uses, in turn (A B A B), as often as the column *rounds* says; medians, in parentheses least and most${windows ? `; windows of ${number(windows.min)} s${windows.max > windows.min * 1.1 ? ` to ${number(windows.max)} s` : ''}` : ''}.`,
    `Settings of both: ${settings.join('; ') || '–'}, and \`pg_stat_statements\`, which counts. Versions: ${versions.join('; ') || '–'}.`,
    others ? `Other programs used ${number(others.median)} cores meanwhile in the median, at most ${number(others.max)}${others.median > OTHER_CORES_MAX ? ': **the machine was not quiet**, so both were slower than they are alone, and ratios say more than figures; of runs that were repeated for that the quietest is kept, so those of a round need not have followed each other' : ''}.` : '',
  ]
    .filter(Boolean)
    .join(' ')
}

function goalTable(records) {
  const rows = ENGINES.map((engines) => {
    const what = `order-5 on PostgreSQL, Rust in process, ${engines === 1 ? 'one engine' : `${engines} engines`}`
    const each = ratios(records, engines)
    const goal = `${DBOS_GOAL}x DBOS on the same PostgreSQL`
    if (each.length === 0) return [what, goal, '–', 'not measured']
    const least = Math.min(...each.map(({ share }) => share))
    const rounds = ({ byRound }) => (byRound?.rounds > 1 ? ` (${times(byRound.min)} to ${times(byRound.max)} by round)` : '')
    const measured = each.map((at) => `${times(at.ratio)} at ${at.inFlight.toLocaleString('en-US')}${rounds(at)}${at.besideOne ? ' (beside one process of DBOS)' : ''}`).join(', ')
    return [what, goal, measured, least >= 1 ? 'yes' : `**no**, ${percent(least)} of it`]
  })
  return table(['what', 'goal', 'measured', 'reached'], rows, true)
}

const EACH_DOES =
  'Five steps in a row, about 100 bytes in and out of each, each output durable before the next step begins; nothing is left out of either. workflow.do: six transitions an order (the start; an output each, the last of them with the end), of which those of all orders that have one at the same moment are one transaction of a few statements over arrays, and one connection sends one after the other: so the statements of an order are the fewer, the more are in flight in an engine. Several engines have their share of the ranges of executions before the window begins ([decision 0024](../docs/decisions/0024-several-engines.md)), and each decides and runs what it starts. DBOS: calls from the same process over 20 connections of each process, a transaction for the start, one for each step (look for an earlier output, lock the row of the workflow, insert the output) and one for the end, an order for itself.'

/** By an execution: CPU of whoever belongs to PostgreSQL, children that have ended too; statements as PostgreSQL counts them; its log, whoever wrote to it. */
function costTable(records) {
  const head = ['engines, in flight', 'rounds', 'orders/s', 'p50 ms', 'p99 ms', 'CPU us each: engine and load', 'CPU us each: PostgreSQL', 'statements each', 'orders a commit', 'log bytes each', 'disk bytes each', 'other cores']
  const row = (engines, inFlight, way) => {
    const field = (name) => number(of(records, way, engines, inFlight, name)?.median)
    const parts = (wanted) => {
      const each = records.where({ workload: WORKLOAD, way, engines, in_flight: inFlight, cpu_parts: (parts) => parts !== undefined })
      return number(spread(each.map(({ cpu_parts }) => sum(Object.entries(cpu_parts).filter(([name]) => (name === 'postgres') === wanted))))?.median)
    }
    const name = way === OURS ? `**${NAMES[way]}**` : NAMES[way]
    const label = `${engines}, ${inFlight.toLocaleString('en-US')}: ${name}`
    const rate = of(records, way, engines, inFlight)
    return [label, rate.rounds, spreadText(rate), field('p50_ms'), field('p99_ms'), parts(false), parts(true), field('statements'), field('orders_a_commit'), field('wal_bytes'), field('disk_bytes'), field('other_cores')]
  }
  const rows = ENGINES.flatMap((engines) =>
    IN_FLIGHT.flatMap((inFlight) => [OURS, DBOS].filter((way) => of(records, way, engines, inFlight)).map((way) => row(engines, inFlight, way))),
  )
  return rows.length > 0 ? table(head, rows) : ''
}

const sum = (entries) => entries.reduce((total, [, value]) => total + value, 0)

function leftOut(records) {
  const notes = records.where({ workload: WORKLOAD }).filter((record) => record.note && record.per_second === undefined)
  const line = (record) => `- ${NAMES[record.way]}, engines ${record.engines}, ${record.in_flight} in flight: ${record.note.split('\n')[0]}`
  return [...new Set(notes.map(line))].join('\n')
}
