// What the report says of records: figures that are asserted here are made up, so that what must come of them is known.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { charts } from '../report/charts.mjs'
import { Records, number, spread } from '../report/figures.mjs'
import { goals } from '../report/goals.mjs'
import { readme, results, summary } from '../report/pages.mjs'
import { postgres, ratios } from '../report/postgres.mjs'
import { plan, planPostgres, selected } from '../plan.mjs'

const loop = (way, per_second, fields = {}) => ({ workload: 'order-5', way, in_flight: 64, per_second, ...fields })
const skip = (orders_per_second, page) => ({ workload: 'limits', way: 'store-skip', in_flight: 64, orders_per_second, note: `a row a transition, ${page} pages` })
const goal = (records, what, text = '') => goals(new Records(records)).find((each) => each.what === what && each.goal.includes(text))

test('a spread is the median, the least and the most, of those that were measured', () => {
  assert.deepEqual(spread([3, undefined, 1, 2]), { median: 2, min: 1, max: 3, rounds: 3 })
  assert.deepEqual(spread([4, 1]), { median: 2.5, min: 1, max: 4, rounds: 2 })
  assert.equal(spread([undefined, NaN]), undefined)
})

test('a figure is written with the digits that count', () => {
  assert.deepEqual([0, 0.0374, 1.128, 12.34, 123.4, 999.7, 12_345.6].map(number), ['0', '0.037', '1.13', '12.3', '123', '1,000', '12,346'])
})

test('what was not measured is not reached', () => {
  for (const each of goals(new Records([]))) assert.equal(each.share, undefined, each.what)
})

test('a trial with fewer executions says nothing about a goal', () => {
  const small = [
    { workload: 'recovery', in_flight: 5_000, seconds: 0.2 },
    { workload: 'idle', sleepers: 20_000, cpu_percent: 0, written_bytes_all: 0, rss_mib: 14, note: 'the server that has started them' },
  ]
  for (const each of goals(new Records(small))) assert.equal(each.share, undefined, each.what)
})

test('a goal is held against the best configuration of the peer, by medians', () => {
  const records = [
    ...[9_000, 10_000, 50_000].map((rate) => loop('rust-in-process', rate)),
    ...[500, 600, 700].map((rate) => loop('restate-rust', rate)),
    ...[1_900, 2_000, 2_100].map((rate) => loop('restate-rust-2p', rate)),
  ]
  const { measured, share } = goal(records, 'order-5, Rust in process', 'Restate')
  assert.equal(measured, '5.0x at 64')
  assert.equal(share, 0.5)
})

test('one figure that misses a goal is enough to miss it', () => {
  const at = (in_flight, ours, theirs) => [loop('server-rust-worker', ours, { in_flight }), loop('restate-rust', theirs, { in_flight })]
  const { share } = goal([...at(64, 6_000, 1_000), ...at(256, 4_000, 1_000), ...at(1_000, 9_000, 1_000)], 'order-5, server and Rust worker')
  assert.equal(share, 0.8)
})

test('the ceiling is that of the page size that gives more', () => {
  const { measured } = goal([loop('rust-in-process', 10_000), skip(16_000, '8 KiB'), skip(20_000, '16 KiB')], 'order-5, Rust in process', 'skip')
  assert.equal(measured, '50 % at 64')
})

test('a server that wrote anything while it was idle has missed the goal', () => {
  const idle = (written_bytes_all) => [{ workload: 'idle', sleepers: 1_000_000, cpu_percent: 0, written_bytes_all }]
  assert.equal(goal(idle(4_096), 'idle with a million sleepers, writes').share, 0)
  assert.equal(goal(idle(0), 'idle with a million sleepers, writes').share, Infinity)
})

test('pages and charts are made of whatever there is', () => {
  for (const records of [[], [loop('rust-in-process', 10_000)], [{ workload: 'growth', way: 'rust-in-process', finished: 10_000_000, note: 'left out: no room' }]]) {
    const all = new Records([{ run: 'machine', cpu: 'a < b', cores: 2, memory_gib: 8, disk: 'ext4', kernel: 'Linux', rust: 'rustc', node: '22', commit: 'abc', at: '2026-01-01T00:00:00Z' }, ...records])
    const drawn = charts(all)
    for (const text of [results(all, Object.keys(drawn), ''), readme(all), summary(all), ...Object.values(drawn)]) {
      assert.doesNotMatch(text, /undefined|NaN|Infinity/)
    }
  }
})

test('every run of the plan has a command, and within a group each way its own', async () => {
  for (const { runs, rounds } of await plan({ rounds: 3, seconds: 1, warm: 1, quick: true })) {
    assert.ok(rounds === 1 || rounds === 3)
    for (const run of runs) assert.ok(run.command.every((part) => typeof part === 'string'), JSON.stringify(run))
    assert.equal(new Set(runs.map(({ workload, way, inFlight }) => `${workload} ${way} ${inFlight}`)).size, runs.length)
  }
})

const onPostgres = (way, engines, in_flight, per_second, fields = {}) => ({ workload: 'order-5-postgres', way, engines, in_flight, per_second, ...fields })

test('on PostgreSQL ours is held against DBOS with as many processes, and where those were not run against one', () => {
  const records = new Records([
    ...[3_000, 2_000, 1_000].map((rate) => onPostgres('rust-in-process', 1, 64, rate)),
    ...[90, 100, 110].map((rate) => onPostgres('dbos-js-postgres', 1, 64, rate)),
    onPostgres('rust-in-process', 1, 256, 5_000),
    onPostgres('rust-in-process', 2, 64, 3_000),
    onPostgres('rust-in-process', 3, 64, 4_000),
    onPostgres('dbos-js-postgres', 3, 64, 200),
  ])
  const figures = (engines) => ratios(records, engines).map(({ inFlight, ratio }) => [inFlight, ratio])
  assert.deepEqual(figures(1), [[64, 20]])
  assert.deepEqual(figures(2), [[64, 30]])
  assert.deepEqual(figures(3), [[64, 20]])
  const page = postgres(records).join('\n\n')
  assert.match(page, /2 engines \|[^|]*\| 30x at 64 \(beside one process of DBOS\) \| yes \|/)
  assert.match(page, /3 engines \|[^|]*\| 20x at 64 \| yes \|/)
})

test('on PostgreSQL the least ratio decides, and engines that were not run have no figure', () => {
  const at = (in_flight, ours) => [onPostgres('rust-in-process', 1, in_flight, ours), onPostgres('dbos-js-postgres', 1, in_flight, 100)]
  const text = (records) => postgres(new Records(records)).join('\n\n')
  assert.match(text([...at(64, 3_000), ...at(256, 1_200)]), /one engine \| 15x DBOS on the same PostgreSQL \| 30x at 64, 12x at 256 \| \*\*no\*\*, 80 % of it \|/)
  assert.match(text(at(64, 1_500)), /15x at 64 \| yes \|/)
  const rounds = [1_500, 3_000, 2_000].flatMap((ours, at) => [
    onPostgres('rust-in-process', 1, 64, ours, { round: at + 1 }),
    onPostgres('dbos-js-postgres', 1, 64, 100 + at, { round: at + 1 }),
  ])
  assert.match(text(rounds), /\| 20x at 64 \(15x to 30x by round\) \| yes \|/)
  for (const engines of [2, 3]) assert.match(text(at(64, 1_500)), new RegExp(`${engines} engines \\| [^|]* \\| – \\| not measured \\|`))
  assert.equal(text([]), '')
})

test('on PostgreSQL the CPU of the database stands apart from that of all processes of the engine', () => {
  const cpu = (parts) => onPostgres('rust-in-process', 2, 64, 1_000, { cpu_parts: parts, statements: 0.5, orders_a_commit: 40, wal_bytes: 3_000 })
  const text = postgres(new Records([cpu({ host: 10, 'host-2': 30, postgres: 7 }), cpu({ host: 20, 'host-2': 30, postgres: 9 })])).join('\n\n')
  assert.match(text, /\| 2, 64: \*\*workflow\.do, Rust\*\* \| 2 \| 1,000 \(1,000–1,000\) \| – \| – \| 45 \| 8 \| 0\.5 \| 40 \| 3,000 \| – \| – \|/)
})

test('what PostgreSQL could not be asked to run is said, and no page breaks on it', () => {
  const left = { workload: 'order-5-postgres', way: 'dbos-js-postgres', engines: 1, in_flight: 1_000, note: 'none of 1000 in flight completed' }
  const all = new Records([{ run: 'machine', cpu: 'a', cores: 2, commit: 'abc', at: '2026-01-01T00:00:00Z' }, left])
  const machine = { run: 'machine', cpu: 'a', cores: 2, memory_gib: 8, kernel: 'Linux', rust: 'rustc', node: '22', commit: 'abc', at: '2026-01-01T00:00:00Z' }
  const pages = [results(new Records([machine]), [], '', all), readme(new Records([machine]), all)]
  assert.match(pages[0], /engines 1, 1000 in flight: none of 1000 in flight completed/)
  for (const page of pages) assert.doesNotMatch(page, /undefined|NaN|Infinity/)
})

test('the plan on PostgreSQL has each number of engines that is asked for, ours and DBOS in turn', () => {
  const [{ rounds, runs: all }] = planPostgres({ rounds: 3, seconds: 1, warm: 1, engines: [1, 3] })
  assert.equal(rounds, 3)
  for (const { command, takesS } of all) {
    assert.ok(command.every((part) => typeof part === 'string'))
    assert.ok(takesS > 1)
  }
  const runs = all.filter(({ workload }) => workload === 'order-5-postgres')
  assert.deepEqual(runs.filter((_, at) => at % 2 === 0).map(({ engines, inFlight }) => [engines, inFlight]), [[1, 64], [3, 64], [1, 256], [3, 256], [1, 1_000], [3, 1_000]])
  for (const [at, { way, engines, inFlight, command }] of runs.entries()) {
    assert.equal(way, ['rust-in-process', 'dbos-js-postgres'][at % 2])
    assert.equal(command[command.indexOf('--engines') + 1], String(engines))
    assert.equal(command[command.indexOf('--in-flight') + 1], String(inFlight))
  }
})

test('the plan on PostgreSQL leaves a part of its quarter of an hour for runs that must be repeated', () => {
  const [{ rounds, runs }] = planPostgres({ rounds: 3, seconds: 6, warm: 2, engines: [1, 2, 3] })
  const seconds = runs.reduce((sum, run) => sum + Math.min(rounds, run.rounds ?? rounds) * run.takesS, 0)
  assert.ok(seconds < 13 * 60, `it takes ${seconds} s`)
})

test('ways are chosen by name, by how they begin, or as our own', () => {
  assert.ok(selected('restate-js', ['restate*']) && selected('server', ['ours']) && selected('disk', ['ours']))
  assert.ok(!selected('restate-js', ['ours', 'restate']))
})
