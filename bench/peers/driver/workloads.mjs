// The workloads, written once for all peers (`main.mjs` says what a peer is). Each yields its records.

import { digits, mapValues } from './figures.mjs'
import { Unavailable } from './places.mjs'
import { countSyncs } from './syncs.mjs'
import { between, fileBytes, moment, residentMib, threadsUs } from './usage.mjs'

const SLEEPERS = 10_000
const STARTS_AT_ONCE = 64
const SYNCS_IN_FLIGHT = [1, 64]

export const WORKLOADS = {
  'order-5': (peer, { inFlight = 64, ...numbers }) => closedLoop(peer, { workload: 'order-5', inFlight, ...numbers }),
  'order-5-postgres': onPostgres,
  latency: (peer, numbers) => closedLoop(peer, { ...numbers, workload: 'order-5', inFlight: 1 }),
  'fan-out': (peer, { inFlight = 64, ...numbers }) => closedLoop(peer, { workload: 'fan-out', inFlight, ...numbers }),
  start,
  sleepers,
  syncs,
}

/** The order, on a PostgreSQL that counts what it does; the counts are of the whole run, by an order, as CPU is. */
async function* onPostgres(peer, { inFlight = 64, ...numbers }) {
  if (!peer.postgres) throw new Unavailable('it has no PostgreSQL')
  for await (const record of closedLoop(peer, { workload: 'order-5', inFlight, ...numbers })) yield { engines: peer.engines, ...record }
}

async function* closedLoop(peer, { workload, inFlight, warm, seconds, profile }) {
  await peer.open()
  await peer.run({ workload, inFlight: 1, count: 1 })
  const diskBefore = fileBytes(peer.dataFolder, { open: true })
  const counts = () => (peer.postgres?.counted ? peer.postgres.counts() : undefined)
  const threads = () => peer.threadsOf && threadsUs(peer.threadsOf())
  const [countsBefore, threadsBefore] = [await counts(), threads()]
  const before = moment(peer.parts(), peer.dataFolder)
  const { answered, ...run } = await peer.run({ workload, inFlight, warm, seconds })
  const used = between(before, moment(peer.parts(), peer.dataFolder))
  const [threadsAfter, countsAfter] = [threads(), await counts()]
  if (profile && countsAfter) console.error(await peer.postgres.costliest())
  const memory = resident(peer)
  await peer.close()
  yield {
    in_flight: inFlight,
    ...run,
    cpu_us: Math.round(used.cpuUs / answered),
    cpu_parts: mapValues(used.cpuParts, (us) => Math.round(us / answered)),
    cpu_threads: threadsAfter && mapValues(threadsAfter, (us, name) => digits((us - (threadsBefore[name] ?? 0)) / answered)),
    other_cores: digits(used.otherCores),
    ...memory,
    disk_bytes: Math.round((fileBytes(peer.dataFolder) - diskBefore) / answered),
    written_bytes: used.writtenBytes === undefined ? undefined : Math.round(used.writtenBytes / answered),
    ...(countsAfter && ofPostgres(countsBefore, countsAfter, answered)),
  }
}

function ofPostgres(before, after, answered) {
  const since = (name) => after[name] - before[name]
  return {
    statements: digits(since('statements') / answered),
    orders_a_commit: digits(answered / since('commits')),
    wal_bytes: Math.round(since('walBytes') / answered),
    // Of a PostgreSQL that does not say them they are NaN, which JSON has no word for.
    commits_a_sync: digits(since('told') / since('syncs')) || undefined,
    sync_ms: digits(since('syncMs') / since('syncs')) || undefined,
  }
}

/** From no process of it to its first completed workflow; the memory is that of a peer with nothing to do. */
async function* start(peer) {
  const since = performance.now()
  await peer.open()
  await peer.run({ workload: 'order-5', inFlight: 1, count: 1 })
  yield { in_flight: 1, completed: 1, seconds: digits((performance.now() - since) / 1_000), ...resident(peer) }
}

/** `rss_bytes` and `disk_bytes` are those of one sleeper. */
async function* sleepers(peer, { count: wanted = SLEEPERS, inFlight = STARTS_AT_ONCE }) {
  const count = Math.min(wanted, peer.sleepersMax ?? wanted)
  await peer.open()
  await peer.run({ workload: 'order-5', inFlight: 1, count: 1 })
  const before = { disk: fileBytes(peer.dataFolder, { open: true }), moment: moment(peer.parts(), peer.dataFolder), memory: resident(peer) }
  const { answered, seconds, per_second, load_cpu_us } = await peer.run({ workload: 'sleepers', inFlight, count })
  const used = between(before.moment, moment(peer.parts(), peer.dataFolder))
  const rest = await peer.sleeping(count)
  const memory = resident(peer)
  await peer.close()
  yield {
    in_flight: inFlight,
    count,
    seconds,
    per_second,
    cpu_us: Math.round(used.cpuUs / answered),
    load_cpu_us,
    other_cores: digits(used.otherCores),
    ...memory,
    rss_bytes: Math.round(((memory.rss_mib - before.memory.rss_mib) * 2 ** 20) / count),
    disk_bytes: Math.round((fileBytes(peer.dataFolder) - before.disk) / count),
    note: count < wanted ? `${wanted} are more than it can` : rest,
  }
}

/** How often the peer asks the kernel to bring data to the disk, for one workflow: its durability as it is, not as it is said to be. */
async function* syncs(peer, { inFlight, seconds }) {
  await peer.open()
  for (const each of inFlight ? [inFlight] : SYNCS_IN_FLIGHT) {
    await peer.run({ workload: 'order-5', inFlight: each, count: each * 4 })
    const counter = await countSyncs(peer.parts())
    const { answered, p50_ms } = await peer.run({ workload: 'order-5', inFlight: each, warm: 0, seconds })
    const { calls, by } = await counter.stop()
    const byCall = mapValues(calls, (count) => digits(count / answered))
    const total = Object.values(calls).reduce((sum, count) => sum + count, 0)
    yield { in_flight: each, completed: answered, seconds, p50_ms, syncs: digits(total / answered), syncs_by_call: byCall, counted_by: by }
  }
}

function resident(peer) {
  const parts = residentMib(peer.parts())
  const total = Object.values(parts).reduce((sum, mib) => sum + mib, 0)
  return { rss_mib: digits(total), rss_parts: mapValues(parts, digits) }
}
