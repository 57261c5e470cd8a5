// Runs the plan, and appends what every program prints to one file of records. What is in the file already is not run again, so
// that a run that was interrupted goes on where it was.
//
//   node bench/run.mjs [--plan all] [--only order-5,latency] [--ways ours,restate*] [--in-flight 64] [--rounds 3] [--seconds 6] [--warm 2]
//                      [--records FILE] [--new] [--quick] [--retries 2] [--for SECONDS] [--with PROGRAM]
//
// `--plan postgres [--engines 1,2,3]` is the order on PostgreSQL, by how many engines share a database, with records of its own.
// A run during which other programs used the processor is made again, at most `--retries` times; the record of the quietest is
// kept, whatever it says. `--for` begins nothing more after so long, and on PostgreSQL, where it is said how long runs take (and `--for` is such
// that the last ends within 15 minutes), repeats none for which the others would have to wait longer; the same command again goes on. `--with` is a program
// that gets each command as its arguments: `nice`, or one that waits until the machine is free.

import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

import { ROOT, plan, planPostgres, selected } from './plan.mjs'

/** Each with records of its own. Of `forS` the last run on PostgreSQL, which takes half a minute, makes a quarter of an hour. */
const PLANS = {
  all: { of: plan, records: 'bench/.run/records.jsonl', seconds: 6, warm: 2, forS: Infinity },
  postgres: { of: planPostgres, records: 'bench/.run/postgres.jsonl', seconds: 6, warm: 2, forS: 14.4 * 60 },
}
/** A program that takes longer is stuck; only growth, which makes a file of millions first, gets more. */
const TIMEOUT_S = 600
const GROWTH_TIMEOUT_S = 5_400
/** Above it other programs had a part in the figure. */
const OTHER_CORES_MAX = 0.2

const OPTIONS = {
  plan: { type: 'string', default: 'all' },
  engines: { type: 'string', default: '1,2,3' },
  only: { type: 'string' },
  ways: { type: 'string' },
  'in-flight': { type: 'string' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  warm: { type: 'string' },
  records: { type: 'string' },
  new: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  with: { type: 'string' },
  retries: { type: 'string', default: '2' },
  for: { type: 'string' },
}

async function main() {
  const { values } = parseArgs({ options: OPTIONS })
  const chosen = PLANS[values.plan]
  if (chosen === undefined) throw new Error(`expected --plan ${Object.keys(PLANS).join(' or ')}, found ${values.plan}`)
  values.records ??= chosen.records
  const quick = values.quick
  const rounds = Number(values.rounds ?? (quick ? 1 : 3))
  const seconds = Number(values.seconds ?? (quick ? 1 : chosen.seconds))
  const warm = Number(values.warm ?? (quick ? 0.5 : chosen.warm))
  process.chdir(ROOT)
  mkdirSync(dirname(values.records), { recursive: true })
  if (values.new) rmSync(values.records, { force: true })
  const earlier = read(values.records)
  const done = new Set(earlier.map((record) => record.run))
  const append = (record) => appendFileSync(values.records, `${JSON.stringify(record)}\n`)
  if (!done.has('machine')) append(machine())
  else warnOfOtherCommit(earlier, values.records)

  const wanted = (run) =>
    (values.only === undefined || selected(run.workload, values.only.split(','))) &&
    (values.ways === undefined || selected(run.way, values.ways.split(','))) &&
    (values['in-flight'] === undefined || run.inFlight === undefined || values['in-flight'].split(',').includes(String(run.inFlight)))
  const groups = await chosen.of({ rounds, seconds, warm, quick, engines: values.engines.split(',').map(Number) })
  const turns = groups.flatMap(({ rounds, runs }, group) =>
    Array.from({ length: rounds }, (_, round) =>
      runs.filter((run) => wanted(run) && round < (run.rounds ?? rounds)).map((run) => ({ ...run, round, name: nameOf(run, group, round) })),
    ).flat(),
  )
  const left = turns.filter((turn) => !done.has(turn.name))
  const until = performance.now() + Number(values.for ?? chosen.forS) * 1_000
  const restMs = (at) => left.slice(at).reduce((sum, { takesS = 0 }) => sum + takesS * 1_000, 0)
  if (restMs(0) > 0) say(`${left.length} runs, about ${Math.ceil(restMs(0) / 60_000)} minutes on a quiet machine, at most ${Math.ceil((until - performance.now()) / 60_000)}`)
  let failed = 0
  for (const [at, turn] of left.entries()) {
    if (performance.now() > until) {
      say(`${left.length - at} runs are left`)
      break
    }
    say(`${at + 1} of ${left.length}: ${turn.name}`)
    // Repeated only while there is time for all that follows.
    const mayRepeat = () => performance.now() + restMs(at) <= until
    if (!(await take(turn, values, mayRepeat, append))) failed += 1
  }
  if (failed > 0) say(`${failed} of ${left.length} runs failed`)
  process.exitCode = failed > 0 ? 1 : 0
}

/** The same command in another group is another run: it is compared with other ones. */
const nameOf = ({ workload, way, engines, inFlight }, group, round) =>
  [workload, way, engines && `engines ${engines}`, inFlight, `group ${group}`, `round ${round + 1}`].filter(Boolean).join(', ')

/** Runs it; every record says of which run it is. */
async function take(turn, { with: prefix, retries }, mayRepeat, append) {
  let quietest
  for (let tried = 0; tried <= Number(retries); tried += 1) {
    const run = { at: new Date().toISOString(), ...(await command(turn, prefix)) }
    run.others = Math.max(0, ...run.records.map((record) => record.other_cores ?? 0))
    for (const record of run.records) say(`  ${summary(record)}`)
    if (quietest === undefined || run.others < quietest.others) quietest = run
    if (run.code !== 0 || run.others <= OTHER_CORES_MAX) break
    say(`  other programs used ${run.others.toFixed(2)} cores meanwhile`)
    if (!mayRepeat()) break
  }
  for (const record of quietest.records) append({ run: turn.name, round: turn.round + 1, at: quietest.at, ...record })
  return quietest.code === 0
}

function command({ command, workload }, prefix) {
  const [program, ...args] = prefix ? [prefix, ...command] : command
  // The workers in JavaScript run on the Node that runs this.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}`, RUST_BACKTRACE: '0' }
  // A group of its own, so that all of it can be told to end.
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const end = () => process.kill(-child.pid, 'SIGTERM')
  const interrupted = () => (end(), process.exit(130))
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupted)
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part) => (text += part))
  const stuck = setTimeout(end, (workload === 'growth' ? GROWTH_TIMEOUT_S : TIMEOUT_S) * 1_000)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(stuck)
      for (const signal of ['SIGINT', 'SIGTERM']) process.removeListener(signal, interrupted)
      resolve({ code, records: text.split('\n').filter(Boolean).map((line) => JSON.parse(line)) })
    })
  })
}

function summary({ per_second, p50_ms, p99_ms, cpu_us, seconds, note }) {
  const parts = [
    per_second !== undefined && `${per_second >= 100 ? Math.round(per_second) : per_second}/s`,
    p50_ms !== undefined && `p50 ${p50_ms} ms, p99 ${p99_ms} ms`,
    cpu_us !== undefined && `${Math.round(cpu_us)} us of CPU each`,
    per_second === undefined && seconds !== undefined && `${seconds} s`,
    note,
  ]
  return parts.filter(Boolean).join('; ')
}

/** Where all of it was measured. */
function machine() {
  const run = (program, ...args) => {
    try {
      return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    } catch {
      return undefined
    }
  }
  const cpus = os.cpus()
  const [source, type, size, free] = run('df', '--output=source,fstype,size,avail', '-BG', '.')?.split('\n').at(-1).split(/\s+/) ?? []
  return {
    run: 'machine',
    at: new Date().toISOString(),
    cpu: cpus[0].model.trim(),
    cores: cpus.length,
    memory_gib: Math.round(os.totalmem() / 2 ** 30),
    disk: source && `${source}, ${type}, ${size} of which ${free} free`,
    kernel: `${os.type()} ${os.release()}`,
    virtual: run('systemd-detect-virt'),
    node: process.versions.node,
    rust: run('rustc', '--version'),
    commit: run('git', 'rev-parse', '--short', 'HEAD'),
  }
}

/** The records of a run that is gone on with are of one build, or its figures are of two. */
function warnOfOtherCommit(records, file) {
  const [then, now] = [records.find(({ run }) => run === 'machine').commit, machine().commit]
  if (then !== now) say(`${file} has records of commit ${then}, this is ${now}: --new begins again`)
}

function read(file) {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
}

function say(text) {
  process.stderr.write(`${text}\n`)
}

await main()
