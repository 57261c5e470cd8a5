// What the simulation gives where it is known what must come of it: by the laws that hold for any system of queues, and from costs that
// are made up.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { TRANSITIONS, calibrate, line, scaling } from '../postgres/scaling.mjs'
import { simulate } from '../postgres/simulation.mjs'
import { Records } from '../report/figures.mjs'
import { postgres } from '../report/postgres.mjs'

const COSTS = {
  ring: { commit: 60, transition: 2 },
  runtime: { commit: 30, transition: 1.5 },
  committer: { commit: 80, transition: 1 },
  database: { commit: 400, transition: 5 },
  log: { commit: 500, transition: 0.5 },
  handOver: 200,
  roundTrip: 0,
}
const HERE = { transitions: TRANSITIONS, hosts: { shared: 2 }, costs: COSTS }
const near = (found, expected, share = 0.05) => assert.ok(Math.abs(found / expected - 1) <= share, `expected about ${expected}, found ${found}`)

test('one order at a time takes what its commits cost, one after the other', () => {
  const commit = Object.values(COSTS).reduce((sum, cost) => sum + (typeof cost === 'number' ? cost : cost.commit + cost.transition), 0)
  const alone = simulate({ ...HERE, engines: 1, inFlight: 1, seconds: 5 })
  near(alone.perSecond, 1e6 / (TRANSITIONS * commit))
  near(alone.ordersACommit, 1 / TRANSITIONS, 0.001)
  assert.equal(alone.commitsASync, 1)
})

test('processors are as busy as what is completed costs', () => {
  for (const engines of [1, 3]) {
    const { perSecond, ordersACommit, cpuUs, busy } = simulate({ ...HERE, engines, inFlight: 256, seconds: 2 })
    const { ring, runtime, committer, database } = COSTS
    const each = [ring, runtime, committer, database].reduce((sum, { commit, transition }) => sum + commit / ordersACommit + transition * TRANSITIONS, 0)
    near(cpuUs, each, 0.02)
    near(busy.database * 2, (perSecond * each) / 1e6, 0.02)
    assert.ok(busy.database <= 1.000_001)
  }
})

test('where the database is the limit its cores are what counts, and all of them are busy', () => {
  const costs = { ...COSTS, log: { commit: 1, transition: 0 }, handOver: 0 }
  const on = (cores) => simulate({ engines: 40, inFlight: 40_000, transitions: TRANSITIONS, hosts: { database: cores, engine: 8 }, costs })
  const [two, four] = [on(2), on(4)]
  assert.ok(two.busy.database > 0.98, `${two.busy.database}`)
  near(four.perSecond, two.perSecond * 2, 0.1)
  assert.ok(two.perSecond < 2e6 / (TRANSITIONS * COSTS.database.transition))
})

test('where the sync is the limit more engines share it, and more cores change nothing', () => {
  const costs = { ...COSTS, log: { commit: 5_000, transition: 0 } }
  const with_ = (engines, cores) =>
    simulate({ engines, inFlight: 64 * engines, transitions: TRANSITIONS, hosts: { database: cores, engine: 2 }, costs, seconds: 2 })
  const eight = with_(8, 8)
  assert.ok(eight.busy.log > 0.95 && eight.commitsASync > 2, JSON.stringify(eight))
  assert.ok(eight.perSecond > with_(1, 8).perSecond * 2)
  near(with_(8, 16).perSecond, eight.perSecond)
})

test('a simulation is the same every time', () => {
  const run = () => simulate({ ...HERE, engines: 3, inFlight: 100 })
  assert.deepEqual(run(), run())
})

test('a line is that of least squares, and nothing on it costs less than nothing', () => {
  const { each, more } = line([[1, 5], [2, 7], [3, 9]])
  assert.deepEqual([each, more].map((number) => Math.round(number * 1e9) / 1e9), [3, 2])
  assert.deepEqual(line([[1, 9], [2, 7], [3, 5]]), { each: 7, more: 0 })
  assert.deepEqual(line([[1, 0], [2, 3]]), { each: 0, more: 1.2 })
})

/** What a run on a machine with these costs would record. */
function record(engines, inFlight) {
  const { perSecond, ordersACommit, commitsASync, cpuUs } = simulate({ ...HERE, engines, inFlight, seconds: 1 })
  const us = ({ commit, transition }) => commit / ordersACommit + transition * TRANSITIONS
  return {
    workload: 'order-5-postgres',
    way: 'rust-in-process',
    round: 1,
    engines,
    in_flight: inFlight,
    seconds: 1,
    per_second: perSecond,
    orders_a_commit: ordersACommit,
    commits_a_sync: commitsASync,
    sync_ms: (COSTS.log.commit + COSTS.log.transition * ordersACommit * TRANSITIONS * commitsASync) / 1_000,
    cpu_us: cpuUs,
    cpu_parts: { host: cpuUs - us(COSTS.database), postgres: us(COSTS.database) },
    cpu_threads: { 'workflow-ring': us(COSTS.ring), 'workflow-commit': us(COSTS.committer), 'tokio-rt-worker': us(COSTS.runtime) },
    wal_bytes: 3_000,
  }
}

const machine = { run: 'machine', cpu: 'made up', cores: 2, commit: 'abc', at: '2026-01-01T00:00:00Z' }
const recorded = [machine, ...[1, 2, 3].flatMap((engines) => [64, 256, 1_000].map((inFlight) => record(engines, inFlight)))]

test('costs are found again in runs with one engine, and with them what more engines give', () => {
  const { costs, rows } = scaling(new Records(recorded))
  for (const name of ['ring', 'runtime', 'committer', 'database', 'log']) {
    near(costs[name].commit, COSTS[name].commit, 0.1)
    near(costs[name].transition, COSTS[name].transition, 0.1)
  }
  near(costs.handOver, COSTS.handOver, 0.5)
  assert.equal(rows.length, 9)
  for (const { engines, inFlight, error } of rows) assert.ok(Math.abs(error) < 0.05, `${engines} engines, ${inFlight} in flight: wrong by ${error}`)
})

test('runs with more engines have no part in the costs', () => {
  const others = recorded.map((each) => (each.engines > 1 ? { ...each, per_second: each.per_second / 3, sync_ms: 100 } : each))
  assert.deepEqual(scaling(new Records(others)).costs, scaling(new Records(recorded)).costs)
})

test('a log is written no faster than the disk appends', () => {
  const point = { inFlight: 64, perSecond: 4_000, ordersACommit: 5, commitsASync: 1, syncUs: 400, walBytes: 3_000, ring: 20, runtime: 20, committer: 20, database: 90 }
  const points = [point, { ...point, inFlight: 256, ordersACommit: 20 }]
  near(calibrate(points, { cores: 2, diskBytesPerUs: 100 }).log.transition, 3_000 / TRANSITIONS / 100)
  assert.equal(calibrate(points, { cores: 2 }).log.transition, 0)
})

test('what is simulated stands beside what was measured, and is not there without it', () => {
  const text = (records) => postgres(new Records(records)).join('\n\n')
  const page = text(recorded)
  assert.match(page, /### Simulated: more engines, more processors/)
  assert.match(page, /\| 3, 256 \| [\d,]+ \| [\d,]+ \| [+−]\d %/)
  assert.match(page, /\| 16 cores \|/)
  assert.doesNotMatch(page, /undefined|NaN|Infinity/)
  const older = recorded.map(({ cpu_threads, orders_a_commit, ...each }) => each)
  assert.doesNotMatch(text(older), /Simulated/)
})
