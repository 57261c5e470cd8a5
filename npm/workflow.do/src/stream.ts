/**
 * The history of an execution as it happens: server-sent events, read as an async iterator.
 *
 * A stream that breaks off is opened again after the last entry that was seen, so that none is missed or doubled.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { StreamOptions } from './api.js'
import type { ApiStream } from './bridge.js'
import { type Client, describe, executionPath, refusal } from './client.js'
import { WorkflowError } from './errors.js'
import type { HistoryEntry } from './execution.js'

/** Before a stream that broke off is opened again. */
const AGAIN_AFTER_MS = 500

export class HistoryStream implements AsyncIterableIterator<HistoryEntry> {
  readonly #client: () => Promise<Client>
  readonly #path: string
  readonly #cancelled = new AbortController()
  #after: number
  #stream: ApiStream | undefined
  #parser = new EventParser()
  #isOver = false
  /** Calls of `next` are answered in turn. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(client: () => Promise<Client>, executionId: string, options: StreamOptions = {}) {
    const { after = 0, signal } = options
    if (!Number.isSafeInteger(after) || after < 0) {
      throw new WorkflowError('invalid_request', `\`after\` is ${describe(after)}: expected the \`seq\` of an entry, a whole number from 0`)
    }
    this.#client = client
    this.#path = `${executionPath(executionId)}/stream`
    this.#after = after
    if (signal?.aborted) this.#end()
    else signal?.addEventListener('abort', () => this.#end(), { once: true, signal: this.#cancelled.signal })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<HistoryEntry, undefined>> {
    const next = this.#last.then(() => this.#next())
    this.#last = next.catch(() => {})
    return next
  }

  /** Ends the stream, also while `next` waits. */
  return(): Promise<IteratorResult<HistoryEntry, undefined>> {
    this.#end()
    return Promise.resolve({ done: true, value: undefined })
  }

  async #next(): Promise<IteratorResult<HistoryEntry, undefined>> {
    try {
      while (!this.#isOver) {
        const event = this.#parser.take()
        if (event === undefined) await this.#read()
        else if (event.type === 'end') this.#end()
        // Whatever else the server has to say, `hello` at first, is no entry.
        else if (event.type === 'message') {
          const entry = JSON.parse(event.data) as HistoryEntry
          this.#after = entry.seq
          return { done: false, value: entry }
        }
      }
    } catch (error) {
      const wasOver = this.#isOver
      this.#end()
      if (!wasOver) throw error
    }
    return { done: true, value: undefined }
  }

  /** Reads a piece, of a new stream where there is none. */
  async #read(): Promise<void> {
    if (this.#stream === undefined) {
      const client = await this.#client()
      const stream = await client.transport.stream({ method: 'GET', path: `${this.#path}?after=${this.#after}` })
      if (stream.answer.status >= 300) throw refusal(stream.answer)
      if (this.#isOver) return stream.cancel()
      this.#stream = stream
      this.#parser = new EventParser()
    }
    const text = await this.#stream.next()
    if (text !== undefined) return this.#parser.push(text)
    this.#stream = undefined
    if (!this.#isOver) await sleep(AGAIN_AFTER_MS, undefined, { signal: this.#cancelled.signal })
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelled.abort()
    this.#stream?.cancel()
    this.#stream = undefined
  }
}

interface ServerEvent {
  type: string
  data: string
}

/** Server-sent events: lines of `field: value`, each event ended by an empty one. */
class EventParser {
  #text = ''
  #type = ''
  #data: string[] = []
  readonly #events: ServerEvent[] = []

  push(text: string): void {
    const lines = (this.#text + text).split('\n')
    // The last one may go on.
    this.#text = lines.pop() as string
    for (const line of lines) this.#line(line.endsWith('\r') ? line.slice(0, -1) : line)
  }

  take(): ServerEvent | undefined {
    return this.#events.shift()
  }

  #line(line: string): void {
    if (line === '') {
      if (this.#data.length > 0) this.#events.push({ type: this.#type || 'message', data: this.#data.join('\n') })
      this.#type = ''
      this.#data = []
      return
    }
    const colon = line.indexOf(':')
    // A comment keeps the connection open.
    if (colon === 0) return
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') this.#data.push(value)
    else if (field === 'event') this.#type = value
  }
}
