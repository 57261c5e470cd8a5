// Counts the calls by which processes bring data to the disk: with perf, which costs them next to nothing, or where that is
// missing or not allowed with strace, which stops them at each call.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Unavailable } from './places.mjs'
import { tree } from './usage.mjs'

const CALLS = ['fdatasync', 'fsync', 'sync_file_range', 'msync']

/** Counts from now on in all of `parts`, in what they start too. `stop()` answers {calls: {fdatasync, ...}, by}. */
export async function countSyncs(parts) {
  const pids = Object.values(parts).flatMap((pid) => tree(pid))
  const refusals = []
  for (const count of [withPerf, withStrace]) {
    try {
      return await count(pids)
    } catch (error) {
      refusals.push(error.message)
    }
  }
  throw new Unavailable(`syncs cannot be counted: ${refusals.join('; ')}`)
}

export async function withPerf(pids) {
  const events = CALLS.map((call) => `syscalls:sys_enter_${call}`).join(',')
  // Begins disabled and says over a pipe when it counts, so that nothing has to be waited for by the clock.
  const args = ['stat', '-x', ',', '-D', '-1', '--control', 'fd:3,4', '-e', events, '-p', pids.join(',')]
  const counter = spawned('perf', args, ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'])
  counter.child.stdio[3].on('error', () => {})
  counter.child.stdio[3].write('enable\n')
  await counter.unlessItEnds(once(counter.child.stdio[4], 'data'))
  return {
    async stop() {
      const text = await counter.interrupted()
      const calls = text.matchAll(/^(\d+),[^,]*,syscalls:sys_enter_(\w+)/gm)
      return { calls: counted([...calls].map(([, count, call]) => [call, count])), by: 'perf' }
    },
  }
}

export async function withStrace(pids) {
  const args = ['-f', '-c', '-U', 'calls,name', '-e', `trace=${CALLS.join(',')}`, ...pids.flatMap((pid) => ['-p', String(pid)])]
  const counter = spawned('strace', args, ['ignore', 'ignore', 'pipe'])
  const threads = pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/task`).length, 0)
  // One line says how many threads of a process it holds, or that it holds the only one.
  let attached = 0
  const all = new Promise((resolve) => {
    createInterface({ input: counter.child.stderr }).on('line', (line) => {
      const [, more] = /attached(?: with (\d+) threads)?$/.exec(line) ?? []
      if (line.endsWith('attached') || more) attached += Number(more ?? 1)
      if (attached >= threads) resolve()
    })
  })
  await counter.unlessItEnds(all)
  return {
    async stop() {
      const calls = (await counter.interrupted()).matchAll(/^\s*(\d+)\s+(\w+)$/gm)
      return { calls: counted([...calls].map(([, count, call]) => [call, count])), by: 'strace' }
    },
  }
}

function spawned(command, args, stdio) {
  const child = spawn(command, args, { stdio })
  let text = ''
  child.stderr?.on('data', (data) => (text += data))
  const end = new Promise((resolve) => {
    child.once('error', (error) => resolve(`${command} could not be started: ${error.message}`))
    child.once('close', () => resolve(`${command} ended: ${text.trim().split('\n').at(-1)}`))
  })
  process.on('exit', () => child.kill('SIGKILL'))
  return {
    child,
    async unlessItEnds(promise) {
      const failed = await Promise.race([promise.then(() => undefined), end])
      if (failed) throw new Error(failed)
    },
    async interrupted() {
      child.kill('SIGINT')
      await end
      return text
    },
  }
}

function counted(entries) {
  const found = Object.fromEntries(entries.filter(([call]) => CALLS.includes(call)).map(([call, count]) => [call, Number(count)]))
  return Object.fromEntries(CALLS.map((call) => [call, found[call] ?? 0]))
}
