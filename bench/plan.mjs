// What is run, in which order, and how: each run is one command that prints records. Runs of one group are compared with each
// other, so all rounds of a group come one after the other, and within a round every way has its turn: A B A B.

import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '..')

const BENCH = 'target/release/workflow-bench'
const IN_FLIGHT = [64, 256, 1_000]
/**
 * The runs on PostgreSQL. DBOS is slow and even, so it needs fewer rounds; it completes what is in flight in waves, with 1,000 one in about
 * five seconds, and the window must hold several.
 */
const ON_POSTGRES = {
  'rust-in-process': { program: 'bench/postgres/bench.mjs', rounds: () => 3, windows: () => 1 },
  'dbos-js-postgres': {
    program: 'bench/peers/dbos/bench.mjs',
    rounds: (inFlight) => (inFlight < 1_000 ? 2 : 1),
    windows: (inFlight) => (inFlight < 1_000 ? 1 : 3),
  },
}
/** What a run takes beside its window: a new cluster and a last checkpoint; a process that joins, and the last of what is in flight. */
const AROUND_S = { run: 4, engine: 2 }

const OURS = ['rust-in-process', 'node-in-process', 'server-rust-worker', 'server-node-worker', 'server-endpoint']
/** They hold a process, a timer or a file for each workflow, or poll: more in flight is no faster, only longer. */
const ONLY_AT_64 = ['dbos-python-sqlite', 'duroxide-sqlite', 'miniflare']

/** The peers, when their folder is there. */
async function peers() {
  const file = join(import.meta.dirname, 'peers/ways.mjs')
  return existsSync(file) ? (await import(file)).WAYS : {}
}

/**
 * All runs: `{workload, way, inFlight?, rounds, command, timeoutS}` in groups. `seconds` and `warm` are those of each closed loop;
 * `quick` makes everything small, to try it out.
 */
export async function plan({ rounds, seconds, warm, quick }) {
  const others = await peers()
  const ours = (way, workload, inFlight) => {
    const numbers = ['--in-flight', inFlight, '--warm', warm, '--seconds', seconds].map(String)
    const command =
      way === 'node-in-process' ? [process.execPath, 'bench/node/run.mjs', workload, ...numbers] : [BENCH, 'run', workload, '--way', way, ...numbers]
    return { workload, way, inFlight, command }
  }
  const peer = (way, workload, ...options) => {
    const { program, options: own } = others[way]
    return { workload, way, command: [process.execPath, join('bench/peers', program), workload, ...own, ...options.map(String)] }
  }
  const loop = (workload, inFlight) => [
    ...OURS.filter((way) => way !== 'server-endpoint' || (workload === 'order-5' && inFlight === 256)).map((way) => ours(way, workload, inFlight)),
    ...Object.keys(others)
      .filter((way) => inFlight <= 64 || !ONLY_AT_64.includes(way))
      .map((way) => ({ ...peer(way, workload, '--in-flight', inFlight, '--warm', warm, '--seconds', seconds), inFlight })),
  ]
  const limits = (what, ...options) => ({
    workload: 'limits',
    way: what,
    command: [BENCH, 'limits', '--what', what, '--seconds', String(quick ? 0.3 : Math.min(2, seconds)), ...options.map(String)],
  })
  const alone = (workload, ...options) => ({ workload, way: workload === 'idle' ? 'server' : 'rust-in-process', command: [BENCH, workload, ...options.map(String)] })
  const sleepers = quick ? ['--count', 20_000, '--due', 5_000, '--after', 5] : []
  const groups = [
    ...IN_FLIGHT.map((inFlight) => ({ rounds, runs: [{ ...limits('store', '--in-flight', inFlight), inFlight }, ...loop('order-5', inFlight)] })),
    { rounds, runs: [limits('disk'), limits('sqlite'), ...loop('latency', 1)] },
    { rounds, runs: loop('fan-out', 64) },
    { rounds, runs: [limits('disk'), ...OURS.slice(0, 4).map((way) => ours(way, 'payload', 64))] },
    { rounds, runs: [alone('recovery', ...(quick ? ['--count', 5_000] : []))] },
    { rounds, runs: [alone('sleepers', ...sleepers)] },
    { rounds: 1, runs: Object.keys(others).map((way) => peer(way, 'sleepers', ...(quick ? ['--count', 500] : []))) },
    { rounds: 1, runs: [alone('idle', ...(quick ? ['--count', 20_000, '--seconds', 5] : []))] },
    {
      rounds: 1,
      runs: [
        ...[1, 64].map((inFlight) => ({ ...alone('syncs', '--in-flight', inFlight), inFlight })),
        ...Object.keys(others).map((way) => peer(way, 'syncs', '--seconds', 3)),
      ],
    },
    { rounds, runs: [{ ...alone('start'), way: 'server-rust-worker' }, ...Object.keys(others).map((way) => peer(way, 'start'))] },
    // Its rounds are its own: the file is made once.
    { rounds: 1, runs: [alone('growth', ...(quick ? ['--finished', 20_000, '--rounds', 1, '--seconds', 1] : ['--rounds', rounds, '--seconds', seconds]))] },
  ]
  return groups.filter((group) => group.runs.length > 0)
}

/**
 * The order on PostgreSQL, ours and DBOS in turn, by how many engines share the database. A plan of its own, with records of its own: it is
 * repeated when that store changes, and all of the other takes the better part of an hour. One group: each round has all of them, so that
 * what is compared was run within minutes, and a run that is given up early lacks the last rounds, not the last rows. `rounds` are
 * those of ours at most.
 */
export function planPostgres({ rounds, seconds, warm, engines }) {
  const run = (engines, inFlight, way) => {
    const { program, ...of } = ON_POSTGRES[way]
    const windows = of.windows(inFlight)
    const numbers = ['--engines', engines, '--in-flight', inFlight, '--warm', warm * windows, '--seconds', seconds * windows].map(String)
    const command = [process.execPath, program, 'order-5-postgres', ...numbers]
    const takesS = (warm + seconds) * windows + AROUND_S.run + AROUND_S.engine * engines
    return { workload: 'order-5-postgres', way, engines, inFlight, command, rounds: Math.min(rounds, of.rounds(inFlight)), takesS }
  }
  const runs = IN_FLIGHT.flatMap((inFlight) => engines.flatMap((engines) => Object.keys(ON_POSTGRES).map((way) => run(engines, inFlight, way))))
  // How fast the disk takes a log: no number of engines gets past that.
  const disk = { workload: 'limits', way: 'disk', command: [BENCH, 'limits', '--what', 'disk', '--seconds', '1'], takesS: 4 }
  return [{ rounds, runs: [disk, ...runs] }]
}

/** Whether a name is one of those that were asked for: `restate*` is all that begin so, `ours` all of the project's own. */
export function selected(name, patterns) {
  const limits = ['disk', 'sqlite', 'store']
  return patterns.some((pattern) => {
    if (pattern === 'ours') return OURS.includes(name) || limits.includes(name) || name === 'server'
    return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
  })
}
