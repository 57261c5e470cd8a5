// The command line that all peers share: runs one workload on a peer that is started for it alone, prints what was measured as
// one JSON object a line, stops the peer and deletes its data.
//
// A peer is a class; its instances have
//   way, version, durability   for the records
//   prepare()                  what lies before the clock of `start`: the database server of those that need one
//   open()                     everything else, until workflows can be started
//   postgres, engines          a `Postgres` that counts, and how many processes share it, for `order-5-postgres`
//   parts()                    {name: pid} of what belongs to the system, without the load generator
//   threadsOf()                pids whose CPU is counted by thread as well, where that is wanted
//   run({workload, inFlight, warm, seconds, count}) the closed loop; `count` workflows, or as many as the seconds give.
//                              Fails when a workflow does not complete with the output of its last step
//   sleeping(count)            resolves when so many sleepers are recorded and at rest, with a note to the record
//   sleepersMax                where it cannot have more
//   dataFolder                 what counts as disk
//   close()                    stops what runs; twice is as good as once

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { RUNS, Unavailable } from './places.mjs'
import { WORKLOADS } from './workloads.mjs'

const OPTIONS = {
  'in-flight': { type: 'string' },
  warm: { type: 'string', default: '2' },
  seconds: { type: 'string', default: '10' },
  count: { type: 'string' },
  keep: { type: 'boolean', default: false },
  profile: { type: 'boolean', default: false },
}

/** `make(folder, values, workload)` makes the peer from the options that only it has. */
export async function main({ usage, options, make }) {
  const { values, positionals } = parseArgs({ options: { ...OPTIONS, ...options }, allowPositionals: true })
  const [workload] = positionals
  if (positionals.length !== 1 || !(workload in WORKLOADS)) {
    console.error(`usage: ${usage}`)
    console.error(`  WORKLOAD is one of ${Object.keys(WORKLOADS).join(', ')}`)
    console.error('  --in-flight N  --warm SECONDS  --seconds SECONDS  --count SLEEPERS  --keep (the data and logs)  --profile (statements of PostgreSQL)')
    process.exit(2)
  }
  mkdirSync(RUNS, { recursive: true })
  const folder = mkdtempSync(join(RUNS, 'peer-'))
  process.on('exit', () => values.keep || rmSync(folder, { recursive: true, force: true }))
  const peer = make(folder, values, workload)
  const print = (record) => console.log(JSON.stringify({ workload, way: peer.way, ...record, durability: peer.durability, version: peer.version }))
  try {
    await peer.prepare?.()
    const numbers = { inFlight: number(values['in-flight']), warm: number(values.warm), seconds: number(values.seconds), count: number(values.count), profile: values.profile }
    for await (const record of WORKLOADS[workload](peer, numbers)) print(record)
  } catch (error) {
    // What could not be had here is no failure of the whole run; a wrong result or a peer that broke is one. Both are recorded.
    print({ engines: peer.engines, in_flight: number(values['in-flight']), note: error.message })
    console.error(error instanceof Unavailable ? `${peer.way}: ${error.message}` : error)
    process.exitCode = error instanceof Unavailable ? 0 : 1
  } finally {
    await peer.close()
  }
  // Sockets that a library keeps open must not keep this alive.
  process.exit()
}

function number(text) {
  return text === undefined ? undefined : Number(text)
}
