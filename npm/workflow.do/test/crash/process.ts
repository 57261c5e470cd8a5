/** A child process that is spoken to in lines, and that is never left behind. */

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

export type Line = Record<string, unknown>

export class Process {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: string[] = []
  readonly #exited: Promise<[number | null, NodeJS.Signals | null]>
  #arrived: () => void = () => {}
  #errors = ''

  /** It is killed when the test ends, if it still runs then. */
  constructor(t: TestContext, command: string, ...args: string[]) {
    this.#child = spawn(command, args, { stdio: 'pipe' })
    this.#exited = once(this.#child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    createInterface(this.#child.stdout).on('line', (line) => {
      this.#lines.push(line)
      this.#arrived()
    })
    this.#child.stderr.on('data', (chunk) => (this.#errors += String(chunk)))
    void this.#exited.then(() => this.#arrived())
    t.after(() => this.kill())
  }

  say(line: string): void {
    this.#child.stdin.write(`${line}\n`)
  }

  /** The first line, now or later, that fits. */
  async line(fits: (line: string) => boolean): Promise<string> {
    for (;;) {
      const found = this.#lines.find(fits)
      if (found !== undefined) return found
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`the process ended (${this.#child.exitCode ?? this.#child.signalCode}) before it said so; it said\n${this.#lines.join('\n')}\n${this.#errors}`)
      }
      await new Promise<void>((resolve) => (this.#arrived = resolve))
    }
  }

  /** The first line of JSON, now or later, with these fields. */
  async json(fields: Line): Promise<Line> {
    const fits = (line: string) => {
      if (!line.startsWith('{')) return false
      const found = JSON.parse(line) as Line
      return Object.entries(fields).every(([name, value]) => (value === undefined ? name in found : found[name] === value))
    }
    return JSON.parse(await this.line(fits)) as Line
  }

  /** All lines of JSON so far that have this field. */
  said(field: string): Line[] {
    return this.#lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line).filter((line) => field in line)
  }

  /** SIGKILL: it has no say in it. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  async exit(): Promise<number | null> {
    return (await this.#exited)[0]
  }
}
