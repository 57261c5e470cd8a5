// What the report says of records: figures that are asserted here are made up, so that what must come of them is known.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { charts } from '../report/charts.mjs'
import { Records, number, spread } from '../report/figures.mjs'
import { goals } from '../report/goals.mjs'
import { readme, results, summary } from '../report/pages.mjs'
import { plan, selected } from '../plan.mjs'

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

test('ways are chosen by name, by how they begin, or as our own', () => {
  assert.ok(selected('restate-js', ['restate*']) && selected('server', ['ours']) && selected('disk', ['ours']))
  assert.ok(!selected('restate-js', ['ours', 'restate']))
})
