// The two processes of the demonstration, the server and the action service: started with their output in a log file,
// watched, and stopped by pid. Nothing that was started is left behind, whichever way the run ends.

import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 10_000

const all = []
let stopping = false

/** Starts a program and answers when `ready()` does. `name` is for messages. */
export async function start({ name, command, args, log, ready }) {
  if (stopping) throw new Error(`${name} is not started: the run is being stopped`)
  const output = openSync(log, 'a')
  const child = spawn(command, args, { stdio: ['ignore', output, output] })
  closeSync(output)
  const started = { name, child, log, pid: child.pid, ended: undefined, expected: false }
  started.exit = new Promise((resolve) => {
    child.once('error', (error) => resolve((started.ended = `could not be started: ${error.message}`)))
    child.once('exit', (code, signal) => resolve((started.ended = signal ? `was killed by ${signal}` : `exited with ${code}`)))
  })
  all.push(started)

  const deadline = Date.now() + READY_WITHIN_MS
  for (;;) {
    if (started.ended) throw new Error(`${name} ${started.ended}${tail(started)}`)
    if (await ready().catch(() => false)) return started
    if (Date.now() > deadline) throw new Error(`${name} is not ready after ${READY_WITHIN_MS / 1000} s${tail(started)}`)
    await sleep(10)
  }
}

/** Throws when a process has gone that nobody asked to go. */
export function assertAlive() {
  for (const { name, ended, expected, log } of all) {
    if (ended && !expected) throw new Error(`${name} ${ended} in the middle of the run${tail({ log })}`)
  }
}

/** SIGKILL: what a crash looks like. Nothing is flushed, nothing is said. Resolves when the process is gone. */
export async function crash(program) {
  program.expected = true
  program.child.kill('SIGKILL')
  await program.exit
}

/** Stops everything that still runs, politely first. */
export async function stopAll() {
  stopping = true
  await Promise.all(
    all.filter(({ ended }) => !ended).map(async (program) => {
      program.expected = true
      program.child.kill('SIGTERM')
      const late = setTimeout(() => program.child.kill('SIGKILL'), STOP_WITHIN_MS)
      await program.exit
      clearTimeout(late)
    }),
  )
}

/** A port of the loopback that nobody listens on. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

/** Runs a program to its end and answers what it printed; fails with what it said when it did not exit with 0. */
export function call(command, args, environment) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    child.stderr.on('data', (text) => (output += text))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(output)
      else reject(new Error(`\`workflow ${args.join(' ')}\` exited with ${code}: ${output.trim()}`))
    })
  })
}

function tail({ log }) {
  const text = readFileSync(log, 'utf8').trimEnd()
  if (!text) return ` (${log} is empty)`
  const lines = text.split('\n').slice(-8)
  return `; the end of ${log}:\n${lines.map((line) => `    ${line}`).join('\n')}`
}
