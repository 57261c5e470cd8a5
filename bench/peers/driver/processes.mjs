// Starts the programs of a peer with their output in log files, and ends them by their ids, whichever way the run ends.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const READY_WITHIN_MS = 60_000
const STOP_WITHIN_MS = 20_000

const running = new Set()
process.on('exit', () => running.forEach((program) => program.child.kill('SIGKILL')))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))

/**
 * A program that runs beside this one. With `dialogue` its standard input and output are pipes: `nextLine()` gives what it
 * prints, `say(line)` what it reads; all else that it prints goes to `log`.
 */
export class Program {
  constructor({ name, command, args = [], log, dialogue = false, ...options }) {
    Object.assign(this, { name, log, ended: undefined })
    const output = openSync(log, 'a')
    const stdio = dialogue ? ['pipe', 'pipe', output] : ['ignore', output, output]
    this.child = spawn(command, args, { ...options, stdio })
    closeSync(output)
    running.add(this)
    this.exit = new Promise((resolve) => {
      const end = (ended) => {
        this.ended = ended
        running.delete(this)
        resolve()
      }
      this.child.once('error', (error) => end(`could not be started: ${error.message}`))
      this.child.once('exit', (code, signal) => end(signal ? `was killed by ${signal}` : `exited with ${code}`))
    })
    if (!dialogue) return
    // A program that has gone is told by `nextLine`, not by the pipe that it left.
    this.child.stdin.on('error', () => {})
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
  }

  get pid() {
    return this.child.pid
  }

  say(line) {
    this.child.stdin.write(`${line}\n`)
  }

  async nextLine() {
    const { value, done } = await this.lines.next()
    if (!done) return value
    await this.exit
    throw this.#failure()
  }

  /** Answers what `look` does once that is neither false nor an error. */
  async until(look, withinMs = READY_WITHIN_MS) {
    const deadline = performance.now() + withinMs
    let last
    while (performance.now() < deadline) {
      if (this.ended) throw this.#failure()
      const found = await Promise.resolve(look()).catch((error) => void (last = error))
      if (found) return found
      await sleep(10)
    }
    throw new Error(`${this.name} is not ready after ${withinMs / 1000} s${last ? ` (${last.message})` : ''}${tail(this.log)}`)
  }

  /** By a signal; without one it ends because its standard input does. */
  async stop(signal) {
    if (this.ended) return
    this.child.stdin?.end()
    if (signal) this.child.kill(signal)
    const late = setTimeout(() => this.child.kill('SIGKILL'), STOP_WITHIN_MS)
    await this.exit
    clearTimeout(late)
  }

  #failure() {
    return new Error(`${this.name} ${this.ended}${tail(this.log)}`)
  }
}

/** Runs a program to its end and answers what it printed; fails with what it said when it did not exit with 0. */
export async function output(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  let [printed, said] = ['', '']
  child.stdout.on('data', (text) => (printed += text))
  child.stderr.on('data', (text) => (said += text))
  const [code] = await once(child, 'close').catch((error) => {
    throw new Error(`${command} could not be started: ${error.message}`)
  })
  if (code !== 0) throw new Error(`${command} exited with ${code}: ${said.trim() || printed.trim()}`)
  return printed
}

/** A port of the loopback that nobody listens on, for programs that do not say which one they took. */
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

function tail(log) {
  const text = readFileSync(log, 'utf8').trimEnd()
  return text ? `; the end of its log: ${text.split('\n').slice(-5).join(' | ').slice(-800)}` : '; its log is empty'
}
