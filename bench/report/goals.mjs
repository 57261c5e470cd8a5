// What is to be reached, what was measured, and how far the one is from the other. Nothing that was not measured is called reached.

import { number, percent, spread, times } from './figures.mjs'
import { DBOS, PEERS, RESTATE_JS, RESTATE_RUST } from './ways.mjs'

const IN_FLIGHT = [64, 256, 1_000]
const IDLE_MIB = 30
const SLEEPERS_MIB = 64
const AFTER_MIB = 150
const DISK_BYTES = 2_500
const PAYLOAD_BYTES = 5 * 100_011

/** `{what, goal, measured, share}`: a share of 1 or more is reached; without one it was not measured. */
export function goals(records) {
  return [...throughput(records), ...latency(records), ...fanOut(records), ...memory(records), ...disk(records), ...payload(records), ...growth(records), ...recovery(records), ...idle(records)]
}

function throughput(records) {
  const against = (what, way, others, goal, name) => {
    const each = IN_FLIGHT.map((inFlight) => {
      const [ours, theirs] = [records.loop('order-5', way, inFlight), records.best('order-5', others, inFlight)]
      // A peer that was only measured at 64 in flight was no faster with more.
      const peer = theirs ?? records.best('order-5', others, 64)
      return { inFlight, ratio: ours && peer && ours.median / peer.median }
    })
    return { what, goal: `${goal}x ${name}`, ...atEach(each, goal, times) }
  }
  const ceiling = IN_FLIGHT.map((inFlight) => {
    const ours = records.loop('order-5', 'rust-in-process', inFlight)
    const skip = skipCeiling(records, inFlight)
    return { inFlight, ratio: ours && skip && ours.median / skip.median }
  })
  return [
    against('order-5, Rust in process', 'rust-in-process', RESTATE_RUST, 10, "Restate's best with a Rust handler (a server; this is a library)"),
    { what: 'order-5, Rust in process', goal: 'half of what the store alone reaches with the `skip` schema', ...atEach(ceiling, 0.5, percent) },
    against('order-5, Node in process', 'node-in-process', RESTATE_JS, 10, "Restate's best with a TypeScript handler"),
    against('order-5, Node in process', 'node-in-process', DBOS, 20, "DBOS's best"),
    against('order-5, server and Rust worker', 'server-rust-worker', RESTATE_RUST, 5, "Restate's best with a Rust handler"),
    against('order-5, server and TypeScript worker', 'server-node-worker', RESTATE_JS, 5, "Restate's best with a TypeScript handler"),
  ]
}

/** Of the page sizes the one that gives more, in orders a second. */
export function skipCeiling(records, inFlight) {
  const pages = ['8 KiB', '16 KiB'].map((page) =>
    records.of('orders_per_second', { workload: 'limits', way: 'store-skip', in_flight: inFlight, note: (note) => note?.includes(`, ${page}`) }),
  )
  return pages.filter(Boolean).sort((a, b) => b.median - a.median)[0]
}

function atEach(each, goal, write) {
  const measured = each.filter(({ ratio }) => ratio !== undefined)
  if (measured.length === 0) return { measured: '–' }
  const text = measured.map(({ inFlight, ratio }) => `${write(ratio)} at ${inFlight.toLocaleString('en-US')}`).join(', ')
  return { measured: text, share: Math.min(...measured.map(({ ratio }) => ratio / goal)) }
}

/** Where less is better. */
function atMost(what, goal, figure, unit, goalText = `at most ${number(goal)}${unit}`) {
  if (figure === undefined) return { what, goal: goalText, measured: '–' }
  return { what, goal: goalText, measured: `${number(figure)}${unit}`, share: figure === 0 ? Infinity : goal / figure }
}

/** The median time of a commit of one row, in ms. */
export const commitMs = (records) => records.of('p50_ms', { workload: 'limits', way: 'sqlite', rows_a_commit: 1 })?.median

function latency(records) {
  const p50 = (way) => records.loop('latency', way, 1, 'p50_ms')?.median
  const [rust, six] = [p50('rust-in-process'), commitMs(records) && commitMs(records) * 6]
  const ratio = rust && six && rust / six
  const against = (way, others, name) => {
    const theirs = records.best('latency', others, 1, 'p50_ms')?.median
    const better = theirs && p50(way) && theirs / p50(way)
    return { what: `latency, ${name}`, goal: "5x better than Restate's", measured: better ? `${times(better)} (${number(p50(way))} ms beside ${number(theirs)} ms)` : '–', share: better && better / 5 }
  }
  const bound = atMost('latency, Rust in process', 1.5, ratio, 'x', 'p50 at most 1.5x six single-row SQLite commits of the same run')
  if (ratio) bound.measured = `${ratio.toFixed(2)}x (${number(rust)} ms, six commits ${number(six)} ms)`
  return [
    bound,
    against('rust-in-process', RESTATE_RUST, 'Rust in process'),
    against('node-in-process', RESTATE_JS, 'Node in process'),
    atMost('latency, server and Rust worker', 3, p50('server-rust-worker'), ' ms'),
    atMost('latency, server and TypeScript worker', 3, p50('server-node-worker'), ' ms'),
  ]
}

function fanOut(records) {
  const best = records.best('fan-out', PEERS, 64)
  const goal = (way, what) => {
    const ours = records.loop('fan-out', way, 64)
    const ratio = best && ours && ours.median / best.median
    return { what: `fan-out, ${what}`, goal: '10x the best peer', measured: ratio ? `${times(ratio)} (${number(ours.median)}/s beside ${number(best.median)}/s)` : '–', share: ratio && ratio / 10 }
  }
  return [goal('rust-in-process', 'Rust in process'), goal('node-in-process', 'Node in process')]
}

function memory(records) {
  const idle = (sleepers, note) => records.of('rss_mib', { workload: 'idle', sleepers, ...(note && { note }) })?.median
  const empty = idle(0)
  const many = idle(isMillion, (note) => note?.startsWith('the server that has started'))
  const loops = ['order-5', 'latency', 'fan-out']
  const most = (field) => spread(records.where({ workload: (workload) => loops.includes(workload) }).map(field))?.max
  const inProcess = most((record) => (record.way === 'rust-in-process' ? record.rss_mib : undefined))
  const server = most((record) => (record.way?.startsWith('server-') ? record.rss_parts?.server : undefined))
  return [
    atMost('memory, idle server', IDLE_MIB, empty, ' MiB'),
    atMost('memory, a million sleepers, above a server with none', SLEEPERS_MIB, many && many - empty, ' MiB'),
    atMost('memory after order-5, latency and fan-out, Rust in process', AFTER_MIB, inProcess, ' MiB'),
    atMost('memory after order-5, latency and fan-out, server', AFTER_MIB, server, ' MiB'),
  ]
}

function disk(records) {
  const bytes = spread(['rust-in-process', 'node-in-process', 'server-rust-worker'].flatMap((way) => records.where({ workload: 'order-5', way }).map((record) => record.disk_bytes)))
  return [atMost('disk, a finished order-5', DISK_BYTES, bytes?.max, ' bytes')]
}

/** Every byte is written twice: into the log, and by the checkpoint. */
export function payloadCeiling(records) {
  const mib = records.of('mib_per_second', { workload: 'limits', way: 'disk', block_bytes: 2 ** 20 })
  return mib && (mib.median * 2 ** 20) / (2 * PAYLOAD_BYTES)
}

function payload(records) {
  const [ours, limit] = [records.loop('payload', 'rust-in-process')?.median, payloadCeiling(records)]
  const ratio = ours && limit && ours / limit
  const measured = ratio ? `${percent(ratio)} (${number(ours)}/s of ${number(limit)}/s)` : '–'
  return [{ what: 'payload, 5 x 100 KB out of each', goal: "half of what the run's own 1 MiB appends allow", measured, share: ratio && ratio / 0.5 }]
}

function growth(records) {
  const sizes = [...new Set(records.where({ workload: 'growth' }).map((record) => record.finished))].filter((finished) => finished > 0).sort((a, b) => a - b)
  const goal = 'at least 80 % of the rate on an empty file'
  if (sizes.length === 0) return [{ what: 'growth, 10,000,000 finished', goal, measured: '–' }]
  return sizes.flatMap((finished) => {
    const what = `growth, ${finished.toLocaleString('en-US')} finished`
    const grown = records.of('per_second', { workload: 'growth', finished })
    const left = records.where({ workload: 'growth', finished }).find((record) => record.note?.startsWith('left out'))
    if (grown === undefined) return [{ what, goal, measured: left?.note ?? '–' }]
    const ratio = grown.median / records.of('per_second', { workload: 'growth', finished: 0 }).median
    const list = records.of('list_failed_p50_ms', { workload: 'growth', finished })?.median
    return [
      { what, goal, measured: `${percent(ratio)} (${number(grown.median)}/s)`, share: ratio / 0.8 },
      atMost(`${what}, list the newest 50 failed`, 2, list, ' ms', 'below 2 ms'),
    ]
  })
}

function recovery(records) {
  const seconds = records.of('seconds', { workload: 'recovery', in_flight: 100_000 })?.median
  return [atMost('recovery, 100,000 in flight move again', 5, seconds, ' s')]
}

/** A trial with fewer says nothing about the goal. */
const isMillion = (sleepers) => sleepers >= 1_000_000

function idle(records) {
  const most = (field) => spread(records.where({ workload: 'idle', sleepers: isMillion }).map((record) => record[field]))?.max
  return [
    atMost('idle with a million sleepers, CPU', 0.5, most('cpu_percent'), ' % of a core', 'below 0.5 % of a core'),
    { ...atMost('idle with a million sleepers, writes', 0, most('written_bytes_all'), ' bytes', 'none'), share: written(most('written_bytes_all')) },
  ]
}

const written = (bytes) => (bytes === undefined ? undefined : bytes === 0 ? Infinity : 0)
