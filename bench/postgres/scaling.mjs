// What several engines on one PostgreSQL would complete: `simulation.mjs` with the costs that were measured with one engine. Nothing of
// the runs with more engines goes into it, so these show how far it can be believed.

import { spread } from '../report/figures.mjs'
import { simulate } from './simulation.mjs'

const WORKLOAD = 'order-5-postgres'
const WAY = 'rust-in-process'
/** The start, and an output for each of five steps; the end is in the same commit as the last one. */
export const TRANSITIONS = 6
const IN_FLIGHT = [64, 256, 1_000]
/** Simulated: engines on machines of two cores each, as here, this far from the database. */
export const ELSEWHERE = { engines: [1, 2, 4, 8, 16], databaseCores: [2, 4, 8, 16], engineCores: 2, inFlightEach: 1_000, roundTripUs: 250 }
/** What a commit waits for beside all that is measured is looked for up to here, in steps of so many microseconds. */
const HAND_OVER_US = { most: 3_000, step: 50 }
/** Threads of the engine by what the kernel calls them; all that is not named here is the runtime, its actions and the load. */
const THREADS = { ring: 'workflow-ring', committer: 'workflow-commit' }

/**
 * `{costs, rows, elsewhere}`, or nothing where the runs with one engine are not there: the costs as `simulate` takes them; what was
 * measured beside what is simulated; and what is simulated only.
 */
export function scaling(records) {
  const one = points(records, 1)
  if (one.length < IN_FLIGHT.length) return undefined
  const cores = records.machine.cores
  const costs = calibrate(one, { cores, diskBytesPerUs: diskBytesPerUs(records) })
  const here = (engines, inFlight) => simulate({ engines, inFlight, transitions: TRANSITIONS, hosts: { shared: cores }, costs })
  const rows = [1, 2, 3].flatMap((engines) =>
    points(records, engines).map((measured) => {
      const simulated = here(engines, measured.inFlight)
      return { engines, inFlight: measured.inFlight, measured, simulated, error: simulated.perSecond / measured.perSecond - 1 }
    }),
  )
  return { costs, cores, rows, elsewhere: elsewhere(costs), walBytes: one.at(-1).walBytes }
}

/** By how many cores the database has, and how many engines there are. */
function elsewhere(costs) {
  const { engines, databaseCores, engineCores, inFlightEach, roundTripUs } = ELSEWHERE
  const far = { ...costs, roundTrip: roundTripUs }
  const at = (engines, database) =>
    simulate({ engines, inFlight: engines * inFlightEach, transitions: TRANSITIONS, hosts: { database, engine: engineCores }, costs: far, seconds: 1, warm: 0.5 })
  return databaseCores.map((cores) => ({ cores, each: engines.map((count) => ({ engines: count, ...at(count, cores) })) }))
}

/** What the disk of this run appends, 1 MiB at a time; without bounds where that was not measured. */
function diskBytesPerUs(records) {
  const mib = records.of('mib_per_second', { workload: 'limits', way: 'disk', block_bytes: 2 ** 20 })
  return mib ? (mib.median * 2 ** 20) / 1e6 : Infinity
}

/** The medians of the runs with so many engines that say all that is needed, in microseconds an order. */
function points(records, engines) {
  return IN_FLIGHT.flatMap((inFlight) => {
    const runs = records.where({ workload: WORKLOAD, way: WAY, engines, in_flight: inFlight })
    const median = (of) => spread(runs.map(of))?.median
    const thread = (name) => median(({ cpu_threads }) => cpu_threads?.[THREADS[name]])
    const point = {
      inFlight,
      perSecond: median((run) => run.per_second),
      ordersACommit: median((run) => run.orders_a_commit),
      commitsASync: median((run) => run.commits_a_sync),
      syncUs: median((run) => run.sync_ms * 1_000),
      walBytes: median((run) => run.wal_bytes),
      cpuUs: median((run) => run.cpu_us),
      database: median((run) => run.cpu_parts?.postgres),
      ring: thread('ring'),
      committer: thread('committer'),
    }
    point.runtime = point.cpuUs - point.database - point.ring - point.committer
    return Object.values(point).every(Number.isFinite) ? [point] : []
  })
}

/** Costs, of points with one engine that shares so many cores with PostgreSQL, on a disk that takes so many bytes. */
export function calibrate(points, { cores, diskBytesPerUs = Infinity }) {
  const part = (name) => {
    const { each, more } = line(points.map((point) => [1 / point.ordersACommit, point[name]]))
    return { commit: more, transition: each / TRANSITIONS }
  }
  const sync = line(points.map(({ ordersACommit, commitsASync, syncUs }) => [ordersACommit * TRANSITIONS * commitsASync, syncUs]))
  const written = points.at(-1).walBytes / TRANSITIONS / diskBytesPerUs
  const costs = {
    ring: part('ring'),
    runtime: part('runtime'),
    committer: part('committer'),
    database: part('database'),
    log: { commit: sync.each, transition: Math.max(sync.more, written) },
    roundTrip: 0,
  }
  const candidates = Array.from({ length: HAND_OVER_US.most / HAND_OVER_US.step + 1 }, (_, at) => at * HAND_OVER_US.step)
  const wrong = (handOver) =>
    points.reduce((sum, { inFlight, perSecond }) => {
      const simulated = simulate({ engines: 1, inFlight, transitions: TRANSITIONS, hosts: { shared: cores }, costs: { ...costs, handOver }, seconds: 0.1, warm: 0.05 })
      return sum + Math.log(simulated.perSecond / perSecond) ** 2
    }, 0)
  const errors = candidates.map(wrong)
  return { ...costs, handOver: candidates[errors.indexOf(Math.min(...errors))] }
}

/** The straight line `each + more * x` with the least squares, of those on which nothing costs less than nothing. */
export function line(points) {
  const mean = (of) => points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [x, y] = [mean(([x]) => x), mean(([, y]) => y)]
  const more = mean((point) => (point[0] - x) * (point[1] - y)) / mean((point) => (point[0] - x) ** 2)
  if (!(more > 0)) return { each: y, more: 0 }
  const each = y - more * x
  return each >= 0 ? { each, more } : { each: 0, more: mean((point) => point[0] * point[1]) / mean((point) => point[0] ** 2) }
}
