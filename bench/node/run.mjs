// One workload with the engine in this process, once; prints one record (see `bench/README.md`).
//
//   node bench/node/run.mjs order-5|latency|fan-out|payload [--in-flight N] [--warm SECONDS] [--seconds SECONDS]
//
// The clients of the closed loop run on the same thread as the actions, as they do in an application: what they cost is part of
// the figure.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { Bench, CONCURRENCY, WORKFLOWS, input } from './workloads.mjs'

const { version } = createRequire(import.meta.url)('../../npm/workflow.do/package.json')
const ROOT = join(import.meta.dirname, '../..')

async function main() {
  const options = { 'in-flight': { type: 'string', default: '1' }, warm: { type: 'string', default: '2' }, seconds: { type: 'string', default: '8' } }
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const [workload] = positionals
  if (positionals.length !== 1 || !(workload in WORKFLOWS)) {
    process.stderr.write(`usage: node bench/node/run.mjs ${Object.keys(WORKFLOWS).join('|')} [--in-flight N] [--warm S] [--seconds S]\n`)
    process.exit(2)
  }
  // On the disk that the project lies on: a temporary folder may be in memory.
  mkdirSync(join(ROOT, 'bench/.run'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, 'bench/.run/node-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const store = join(folder, 'workflow.db')
  const inFlight = Number(values['in-flight'])
  const workflow = new Bench({ store, concurrency: CONCURRENCY })
  const { micros, completed, used } = await closedLoop(workflow, WORKFLOWS[workload], inFlight, Number(values.warm), Number(values.seconds))
  const rss = process.memoryUsage().rss / 2 ** 20
  await workflow.close()
  print({
    workload,
    way: 'node-in-process',
    in_flight: inFlight,
    seconds: used.seconds,
    completed: micros.length,
    per_second: micros.length / used.seconds,
    ...percentiles(micros),
    cpu_us: used.cpuUs / micros.length,
    other_cores: used.otherCores,
    rss_mib: rss,
    disk_bytes: statSync(store).size / completed,
    ...(Number.isFinite(used.writtenBytes) && { written_bytes: used.writtenBytes / micros.length }),
    durability: 'every transition synced before it counts (SQLite WAL, synchronous=FULL)',
    version: `workflow.do ${version}, Node ${process.versions.node}`,
  })
}

/** `inFlight` clients, each of which starts its next workflow when the last one has completed. */
async function closedLoop(workflow, workflowId, inFlight, warm, seconds) {
  const begin = performance.now() + warm * 1_000
  const end = begin + seconds * 1_000
  const micros = []
  let completed = 0
  const client = async (first) => {
    for (let number = first; performance.now() < end; number += 1) {
      const since = performance.now()
      const { id, status } = await workflow.startAndWait(workflowId, input(number))
      if (status !== 'completed') throw new Error(`execution ${id} ended as ${status}`)
      const now = performance.now()
      completed += 1
      if (now >= begin && now <= end) micros.push(Math.round((now - since) * 1_000))
    }
  }
  const measure = async () => {
    await sleep(begin - performance.now())
    const before = moment()
    await sleep(end - performance.now())
    return between(before, moment())
  }
  const [used] = await Promise.all([measure(), ...Array.from({ length: inFlight }, (_, index) => client(index * 1_000_000))])
  if (micros.length === 0) throw new Error('nothing completed within the window')
  return { micros, completed, used }
}

function moment() {
  const { user, system } = process.cpuUsage()
  // user, nice, system; then idle and waiting for disks, which are not use; then interrupts. In ticks of 10 ms.
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].trim().split(/\s+/).slice(1).map(Number)
  const machineUs = (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) * 10_000
  return { at: performance.now(), cpuUs: user + system, machineUs, diskBytes: diskBytes() }
}

/** What the disk of the project was sent since the machine started; undefined when it lies on no block device. */
function diskBytes() {
  const { dev } = statSync(ROOT)
  const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)]
  const lines = readFileSync('/proc/diskstats', 'utf8').split('\n').map((line) => line.trim().split(/\s+/))
  const line = lines.find((fields) => Number(fields[0]) === major && Number(fields[1]) === minor)
  return line && Number(line[9]) * 512
}

function between(before, after) {
  const seconds = (after.at - before.at) / 1_000
  const cpuUs = after.cpuUs - before.cpuUs
  const otherCores = Math.max(0, after.machineUs - before.machineUs - cpuUs) / 1e6 / seconds
  return { seconds, cpuUs, otherCores, writtenBytes: after.diskBytes - before.diskBytes }
}

function percentiles(micros) {
  const sorted = micros.toSorted((a, b) => a - b)
  const at = (share) => sorted[Math.round((sorted.length - 1) * share)] / 1_000
  return { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999), max_ms: at(1) }
}

function print(record) {
  const digits = (value) => (typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value)
  process.stdout.write(`${JSON.stringify(Object.fromEntries(Object.entries(record).map(([name, value]) => [name, digits(value)])))}\n`)
}

await main()
