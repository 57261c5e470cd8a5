// The words and tables: `bench/RESULTS.md`, the part of the README, and what is printed to a terminal.

import { Records, number, percent, spread, spreadText, table, times } from './figures.mjs'
import { commitMs, goals, payloadCeiling, skipCeiling } from './goals.mjs'
import { postgres, postgresSentence } from './postgres.mjs'
import { IN_PROCESS, NAMES, OURS, PEERS, SERVED, isOurs } from './ways.mjs'

const IN_FLIGHT = [64, 256, 1_000]

const NONE = new Records([])

/** `why` is what people have written of the goals that are not reached; `onPostgres` are records of a run of its own. */
export function results(records, chartNames, why, onPostgres = NONE) {
  const chart = (name, alt) => (chartNames.includes(name) ? `![${alt}](charts/${name}.svg)` : '')
  return `${[
    '# What it costs, beside others and beside the disk',
    preamble(records),
    '## The goals',
    goalsTable(records),
    why,
    '## order-5: five steps in a row',
    chart('order-5', 'orders completed a second, ours and the peers'),
    loopTable(records, 'order-5', IN_FLIGHT),
    '\\* With the most in flight that was measured. CPU and memory are those of everything that belongs to the way (engine or server, handlers, database), not of a load generator in a process of its own; disk is what is left of a finished order in the files.',
    '## Latency: one order at a time',
    chart('latency', 'milliseconds from start to completed, ours and the peers'),
    latencyTable(records),
    '## Fan-out: one step, ten in parallel, one that joins them',
    chart('fan-out', 'fan-outs completed a second, ours and the peers'),
    loopTable(records, 'fan-out', [64]),
    '## What the machine allows',
    chart('ceiling', 'orders a second of the whole engine, and of the store alone'),
    limitsTable(records),
    ceilingTable(records),
    '## Payload: five steps, 100 KB out of each',
    payloadText(records),
    '## Sleepers: executions that wait',
    sleepersTable(records),
    '## Recovery, growth, idle',
    othersTable(records),
    '## Start, and memory with nothing to do',
    startTable(records),
    '## Durability, by counting',
    syncsTable(records),
    ...postgres(onPostgres),
    '## What was left out',
    leftOut(records),
  ]
    .filter(Boolean)
    .join('\n\n')}\n`
}

function preamble(records) {
  const { machine } = records
  const versions = [...new Set(records.all.map((record) => record.version).filter(Boolean))].sort()
  const rounds = spread(records.where({ workload: 'order-5' }).map((record) => record.round))?.max ?? 1
  const others = spread(records.all.map((record) => record.other_cores))
  return [
    `Measured ${machine.at?.slice(0, 10)}, commit \`${machine.commit}\`, by \`make bench-peers\` (how: [README](README.md); every record: [results.json](results.json)). All of a way, its database and its load included, shares the cores of one machine, and the ways were run in turn (A B A B), ${rounds} rounds unless a table says otherwise. A figure is the median of the rounds, in parentheses least and most. Compare figures of this page with each other, not with those of another machine or day.`,
    table(
      ['machine', ''],
      [
        ['processor', `${machine.cpu}, ${machine.cores} cores${machine.virtual ? `, a virtual machine (${machine.virtual})` : ''}`],
        ['memory', `${machine.memory_gib} GiB`],
        ['disk', machine.disk ?? '–'],
        ['system', machine.kernel],
        ['Rust, Node', `${machine.rust}; Node ${machine.node}`],
        ['cores used by other programs meanwhile', others ? `median ${number(others.median)}, most ${number(others.max)}` : '–'],
        ['versions', versions.join('; ')],
      ],
      true,
    ),
  ].join('\n\n')
}

const verdict = ({ share }) => (share === undefined ? 'not measured' : share >= 1 ? 'yes' : `**no**, ${percent(share)} of it`)

function goalsTable(records) {
  return table(['what', 'goal', 'measured', 'reached'], goals(records).map((goal) => [goal.what, goal.goal, goal.measured, verdict(goal)]), true)
}

/** Throughput of a closed loop, in process beside in process, server beside server. */
function loopTable(records, workload, inFlights) {
  const head = ['', ...inFlights.map((inFlight) => `${inFlight.toLocaleString('en-US')} in flight, /s`), 'CPU us each\\*', 'disk bytes each\\*', 'memory MiB\\*']
  const section = (name, ways) => {
    const rows = ways.filter((way) => inFlights.some((inFlight) => records.loop(workload, way, inFlight)))
    const best = (field) => (way) => [...inFlights].reverse().map((inFlight) => records.loop(workload, way, inFlight, field)).find(Boolean)
    const [cpu, disk, memory] = ['cpu_us', 'disk_bytes', 'rss_mib'].map(best)
    const cells = rows.map((way) => [
      isOurs(way) ? `**${NAMES[way]}**` : NAMES[way],
      ...inFlights.map((inFlight) => spreadText(records.loop(workload, way, inFlight))),
      number(cpu(way)?.median),
      number(disk(way)?.median),
      number(memory(way)?.median),
    ])
    return [[`*${name}*`, ...head.slice(1).map(() => '')], ...cells, ...ratios(records, workload, ways, inFlights)]
  }
  return table(head, [...section('a library in the process', IN_PROCESS), ...section('a server, and a process that runs the steps', SERVED)])
}

/** Our best in the same arrangement against each peer's. */
function ratios(records, workload, ways, inFlights) {
  const mine = ways.filter(isOurs)
  const theirs = ways.filter((way) => !isOurs(way))
  const cell = (way) => (inFlight) => {
    const [ours, peer] = [records.loop(workload, way, inFlight), records.best(workload, theirs, inFlight)]
    return ours && peer ? times(ours.median / peer.median) : ''
  }
  return mine
    .map((way) => [`${NAMES[way]} / the best peer here`, ...inFlights.map(cell(way)), '', '', ''])
    .filter((row) => row.slice(1).some((text) => text !== ''))
}

function latencyTable(records) {
  const row = (way) => {
    const field = (name) => spreadText(records.loop('latency', way, 1, name))
    return [isOurs(way) ? `**${NAMES[way]}**` : NAMES[way], field('p50_ms'), field('p99_ms'), field('p999_ms'), number(records.loop('latency', way, 1, 'cpu_us')?.median)]
  }
  const ways = [...IN_PROCESS, ...SERVED].filter((way) => records.loop('latency', way, 1))
  const six = commitMs(records)
  const limit = six === undefined ? [] : [['six commits of one row in SQLite', number(six * 6), '', '', '']]
  return table(['', 'p50 ms', 'p99 ms', 'p99.9 ms', 'CPU us each'], [...ways.map(row), ...limit])
}

function limitsTable(records) {
  const notes = [...new Set(records.where({ workload: 'limits', way: (way) => way === 'disk' || way === 'sqlite' }).map((record) => record.note))]
  const rows = notes.map((note) => {
    const of = (field) => records.of(field, { workload: 'limits', note })
    const mib = of('mib_per_second')
    return [note, `${spreadText(of('per_second'))}${mib ? `; ${number(mib.median)} MiB/s` : ''}`, number(of('p50_ms')?.median), number(of('p99_ms')?.median)]
  })
  return table(['disk, SQLite', 'a second', 'p50 ms', 'p99 ms'], rows)
}

function ceilingTable(records) {
  const rows = IN_FLIGHT.map((inFlight) => {
    const skip = skipCeiling(records, inFlight)
    const store = records.of('orders_per_second', { workload: 'limits', way: 'store', in_flight: inFlight })
    const engine = records.loop('order-5', 'rust-in-process', inFlight)
    const share = (limit) => (engine && limit ? percent(engine.median / limit.median) : '–')
    return [inFlight.toLocaleString('en-US'), spreadText(skip), spreadText(store), spreadText(engine), share(skip), share(store)]
  })
  return table(['in flight', 'orders/s, `skip` alone', 'our store alone', 'the whole engine', 'of `skip`', 'of our store'], rows)
}

function payloadText(records) {
  const limit = payloadCeiling(records)
  const rows = Object.keys(OURS)
    .filter((way) => records.loop('payload', way))
    .map((way) => {
      const of = (field) => records.loop('payload', way, undefined, field)
      return [NAMES[way], spreadText(of('per_second')), limit ? percent(of('per_second').median / limit) : '–', number(of('cpu_us')?.median), number(of('rss_mib')?.median)]
    })
  const bound = limit && `Every byte is written twice, into the log and by the checkpoint: this disk's own 1 MiB appends would allow ${number(limit)} orders a second.`
  return [bound, table(['64 in flight', 'orders/s', 'of the limit', 'CPU us each', 'memory MiB'], rows)].filter(Boolean).join('\n\n')
}

function sleepersTable(records) {
  const ours = (note, field) => records.of(field, { workload: 'sleepers', way: 'rust-in-process', note: (text) => text?.includes(note) })
  const start = (field) => ours('wait an hour', field)
  const due = (field) => ours('fall due', field)
  const count = records.where({ workload: 'sleepers', way: 'rust-in-process' }).map((record) => record.completed)
  const lines = []
  if (start('seconds')) {
    lines.push(
      `${Math.max(...count).toLocaleString('en-US')} started in ${spreadText(start('seconds'), ' s')}: ${number(start('per_second').median)} a second, ${number(start('cpu_us').median)} us of CPU, ${number(start('rss_bytes_each').median)} bytes of memory and ${number(start('disk_bytes').median)} bytes of disk each. Opening their file takes ${number(start('open_ms').median)} ms.`,
    )
  }
  if (due('seconds')) {
    lines.push(
      `${Math.min(...count).toLocaleString('en-US')} that fall due in the same second have all run ${spreadText(due('seconds'), ' s')} after the first was due; the last was ${spreadText(due('last_late_ms'), ' ms')} late, the median ${number(due('median_late_ms').median)} ms.`,
    )
  }
  const rows = PEERS.map((way) => records.where({ workload: 'sleepers', way }).find((record) => record.per_second !== undefined))
    .filter(Boolean)
    .map((record) => [NAMES[record.way], number(record.count), number(record.per_second), number(record.rss_bytes), number(record.disk_bytes)])
  if (rows.length > 0) lines.push(table(['one round', 'sleepers', 'started a second', 'memory bytes each', 'disk bytes each'], rows))
  return lines.join('\n\n')
}

function othersTable(records) {
  const of = (workload, field, wanted = {}) => records.of(field, { workload, ...wanted })
  const rows = [
    ['recovery: attempts in flight at the SIGKILL', number(of('recovery', 'in_flight')?.median)],
    ['file open again', spreadText(of('recovery', 'open_seconds'), ' s')],
    ['all have begun again', spreadText(of('recovery', 'seconds'), ' s')],
    ['all have completed', spreadText(of('recovery', 'completed_seconds'), ' s')],
    ['memory after it', spreadText(of('recovery', 'rss_mib'), ' MiB')],
  ]
  const sizes = [...new Set(records.where({ workload: 'growth', per_second: (value) => value > 0 }).map((record) => record.finished))].sort((a, b) => a - b)
  for (const finished of sizes) {
    const wanted = { finished }
    rows.push([`growth: order-5 with ${finished.toLocaleString('en-US')} finished in the file`, `${spreadText(of('growth', 'per_second', wanted))}/s`])
    if (finished > 0) {
      rows.push([`list the newest 50 failed of them, p50 and p99`, `${number(of('growth', 'list_failed_p50_ms', wanted)?.median)} ms, ${number(of('growth', 'list_failed_p99_ms', wanted)?.median)} ms`])
      rows.push(['open their file', `${number(of('growth', 'open_ms', wanted)?.median)} ms`])
    }
  }
  for (const record of records.where({ workload: 'idle' })) {
    const parts = Object.entries(record.rss_parts ?? {}).map(([name, mib]) => `${name} ${number(mib)}`)
    const cache = record.file_cache_mib === undefined ? '' : `; ${number(record.file_cache_mib)} MiB of the file in the kernel's cache`
    rows.push([`idle: ${record.note}, ${record.sleepers.toLocaleString('en-US')} sleepers`, `${number(record.rss_mib)} MiB (${parts.join(', ')}), ${number(record.cpu_percent)} % of a core, ${number(record.written_bytes_all)} bytes written in ${number(record.seconds)} s${cache}`])
  }
  return table(['what', 'measured'], rows.filter(([, value]) => value !== '–'), true)
}

function startTable(records) {
  const rows = [...SERVED, ...IN_PROCESS]
    .filter((way) => records.of('seconds', { workload: 'start', way }))
    .map((way) => {
      const of = (field) => records.of(field, { workload: 'start', way })
      const parts = Object.entries(records.where({ workload: 'start', way })[0].rss_parts ?? {}).map(([name, mib]) => `${name} ${number(mib)}`)
      return [isOurs(way) ? `**${NAMES[way]}**` : NAMES[way], spreadText(of('seconds'), ' s'), `${number(of('rss_mib')?.median)} (${parts.join(', ')})`]
    })
  return table(['', 'from no process to the first completed order', 'memory MiB, by process'], rows)
}

function syncsTable(records) {
  const rows = records.where({ workload: 'syncs', syncs: (value) => value !== undefined }).map((record) => [NAMES[record.way] ?? record.way, number(record.in_flight), number(record.syncs), record.durability ?? '–'])
  return [
    'fdatasync, fsync and sync_file_range calls a workflow, counted at the kernel. Six transitions an order need six syncs when it is alone; with more in flight one sync serves many.',
    table(['order-5', 'in flight', 'syncs each', 'setting'], rows),
  ].join('\n\n')
}

function leftOut(records) {
  const notes = records.all.filter((record) => record.note && record.per_second === undefined && record.syncs === undefined && record.seconds === undefined)
  if (notes.length === 0) return 'Nothing.'
  return [...new Set(notes.map((record) => `- ${record.workload}, ${NAMES[record.way] ?? record.way}${record.in_flight ? `, ${record.in_flight} in flight` : ''}: ${record.note.split('\n')[0]}`))].join('\n')
}

/** Between the markers of the README. */
export function readme(records, onPostgres = NONE) {
  const { machine } = records
  const row = (way) => {
    const [at256, at64] = [records.loop('order-5', way, 256), records.loop('order-5', way, 64)]
    const [p50, cpu] = [records.loop('latency', way, 1, 'p50_ms'), records.loop('order-5', way, at256 ? 256 : 64, 'cpu_us')]
    return [isOurs(way) ? `**${NAMES[way]}**` : NAMES[way], at256 ? number(at256.median) : `${number(at64.median)} (at 64)`, p50 ? number(p50.median) : '–', number(cpu?.median)]
  }
  const rows = (ways) => ways.filter((way) => records.loop('order-5', way, 256) ?? records.loop('order-5', way, 64)).map(row)
  const blank = ['', '', '']
  return [
    '![orders of five durable steps completed a second, ours and the peers](bench/charts/order-5.svg)',
    table(
      ['order of five steps, each durable before the next', 'completed/s, 256 in flight', 'one at a time, p50 ms', 'CPU us each'],
      [['*a library in the process*', ...blank], ...rows(IN_PROCESS), ['*a server, and a process that runs the steps*', ...blank], ...rows(SERVED)],
    ),
    `All of each way shared ${machine.cores} cores (${machine.cpu}); medians of rounds in turn. [bench/RESULTS.md](bench/RESULTS.md) has the spread, the limits of the disk, durability settings, memory, disk, and every goal with how far it is; \`make bench-peers\` repeats it.`,
    postgresSentence(onPostgres),
  ]
    .filter(Boolean)
    .join('\n\n')
}

/** For a terminal: columns of text. */
export function summary(records) {
  const lines = []
  const columns = (rows) => {
    const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)))
    for (const row of rows) lines.push(`  ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('   ')}`)
    lines.push('')
  }
  const ways = [...IN_PROCESS, ...SERVED].filter((way) => records.where({ way }).some((record) => record.per_second !== undefined))
  const cell = (workload, way, inFlight, field) => number(records.loop(workload, way, inFlight, field)?.median)
  lines.push('', 'completed a second; latency one at a time', '')
  columns([
    ['', 'order-5, 64', '256', '1,000', 'CPU us', 'disk bytes', 'p50 ms', 'p99 ms', 'fan-out, 64', 'payload, 64'],
    ...ways.map((way) => [
      NAMES[way],
      ...IN_FLIGHT.map((inFlight) => cell('order-5', way, inFlight)),
      cell('order-5', way, 256, 'cpu_us'),
      cell('order-5', way, 256, 'disk_bytes'),
      cell('latency', way, 1, 'p50_ms'),
      cell('latency', way, 1, 'p99_ms'),
      cell('fan-out', way, 64),
      cell('payload', way, 64),
    ]),
  ])
  lines.push('the goals', '')
  columns([['', 'measured', 'reached'], ...goals(records).filter(({ measured }) => measured !== '–').map((goal) => [`${goal.what}: ${goal.goal}`, goal.measured, verdict(goal).replaceAll('**', '')])])
  return lines.join('\n')
}
