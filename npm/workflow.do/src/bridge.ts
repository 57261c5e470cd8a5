/**
 * The way to the engine in the addon: requests of the HTTP API and results of actions go there, answers and tasks come back.
 *
 * Both ways in batches. What JavaScript has to say is collected and sent once per turn of the event loop; what the engine has to say
 * comes as texts of everything that has accumulated. Payloads are spliced in as JSON text and parsed once on each side; an execution
 * comes as bytes beside the text, and is parsed when somebody looks at it (`lazy.ts`). What is long stays in the addon until somebody
 * looks at it, and outputs that are long go there beside the text.
 */

import type { ActionContext, Keep, Limits } from './api.js'
import { WorkflowError } from './errors.js'
import { type Head, lazyExecution, lazyFields } from './lazy.js'
import { type LongTexts, type NativeBridge, type NativeClock, native } from './native.js'

/** A request of the HTTP API (`docs/http-api.md`). */
export interface ApiRequest {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** With its query. */
  path: string
  headers?: Record<string, string>
  /** JSON text. */
  body?: string
  /** The answer is an execution. */
  execution?: true
}

/** An answer of the HTTP API. */
export interface ApiAnswer {
  status: number
  /** Parsed. */
  body: unknown
  /** Seconds. */
  retryAfter?: number
}

/** How requests reach an engine. */
export interface Transport {
  request(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer>
  /** An answer whose body comes in pieces, which have to be asked for. */
  stream(request: ApiRequest): Promise<ApiStream>
  /** An answer may get lost on its way: it is not known then whether the request was carried out. */
  readonly canBreak: boolean
  /** The length of a duration such as `1h 30m`; throws when it is none. */
  milliseconds(span: string): number
}

export interface ApiStream {
  answer: ApiAnswer
  /** The next piece of the body, `undefined` at its end and after `cancel`. */
  next(): Promise<string | undefined>
  cancel(): void
}

/** One attempt of a step, to be run here. */
export type Task = [
  task: number,
  action: string,
  context: TaskContext | TaskPlace,
  params: Record<string, unknown>,
  state: Record<string, unknown>,
  /** Fields of the state that are not here: what is long is fetched when somebody looks at it. */
  absent?: string[]
]

/** What an attempt is told of itself, without what only makes sense here. */
export type TaskContext = Omit<ActionContext, 'signal'>

/** The same without names: of an engine in this process, which says it for every attempt. */
export type TaskPlace = [
  executionId: string,
  workflowId: string,
  workflowVersion: number,
  stepId: string,
  attempt: number,
  retryCount: number
]

/** Whoever runs the actions. */
export interface Worker {
  run(task: Task): void
  abort(task: number, reason: string): void
}

/** What the engine says: each message is an object with one of these fields. */
interface Delivery {
  task?: Task
  abort?: { task: number; reason: string }
  answer?: ApiAnswer & { id: number }
  execution?: [id: number, status: number, bytes: number, encoding: 'latin1' | 'utf8' | 'long', head: Head]
  chunk?: { id: number; text: string }
  end?: { id: number }
  opened?: { actions: string[] }
  broken?: { code: string; message: string }
  warning?: { message: string }
  closed?: object
}

interface Waiting {
  answer(answer: ApiAnswer): void
  chunk?(text: string | undefined): void
}

/** More than this is not collected any further but sent at once. */
const BATCH_CHARACTERS = 4 << 20

/** A longer output is not put into the text of a batch: it would be copied, and searched for its end. */
const LONG_CHARACTERS = 16 << 10

export interface BridgeOptions {
  /** A file or `:memory:`, or the address of a server. */
  place: { store: string } | { url: string }
  concurrency: number
  limits: Limits
  keep: Keep
  token?: string
  encryptionKeys?: string
  name?: string
  caFile?: string
}

export class Bridge implements Transport {
  readonly canBreak: boolean
  readonly #native: NativeBridge
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #batch: string[] = []
  #beside: string[] = []
  #batchCharacters = 0
  #isOver = false
  readonly #opened = deferred<string[]>()
  readonly #closed = deferred<void>()

  /** Begins to open the engine. */
  constructor(options: BridgeOptions, clock: NativeClock | undefined, worker: Worker) {
    this.#worker = worker
    this.canBreak = 'url' in options.place
    this.#native = new (native().Bridge)(JSON.stringify(options), clock ?? null, (text, bytes, long) => this.#deliver(text, bytes, long))
  }

  /** Once the engine runs: the actions with a dot in them that stored definitions want. Rejects if it could not be opened. */
  get opened(): Promise<string[]> {
    return this.#opened.promise
  }

  request(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    return new Promise((resolve, reject) => {
      const id = this.#send(request, {
        answer: answer => {
          signal?.removeEventListener('abort', cancel)
          resolve(answer)
        }
      })
      const cancel = () => {
        this.#cancel(id)
        reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', cancel, { once: true })
    })
  }

  stream(request: ApiRequest): Promise<ApiStream> {
    return new Promise(resolve => {
      const chunks: (string | undefined)[] = []
      let reader: ((text: string | undefined) => void) | undefined
      let isOver = false
      const take = (text: string | undefined) => {
        if (text !== undefined) this.#push(`{"more":${id}}`)
        else isOver = true
        return text
      }
      const id = this.#send(request, {
        answer: answer => {
          resolve({
            answer,
            next: () => {
              if (isOver) return Promise.resolve(undefined)
              if (chunks.length > 0) return Promise.resolve(take(chunks.shift()))
              return new Promise(resolveNext => {
                reader = text => resolveNext(take(text))
              })
            },
            cancel: () => {
              isOver = true
              this.#cancel(id)
              reader?.(undefined)
              reader = undefined
            }
          })
        },
        chunk: text => {
          if (reader === undefined) {
            chunks.push(text)
            return
          }
          const read = reader
          reader = undefined
          read(text)
        }
      })
    })
  }

  milliseconds(span: string): number {
    return native().milliseconds(span)
  }

  /** Serves the HTTP API from inside this process. */
  serve(host: string, port: number, adminToken: string | undefined, insecure: boolean): Promise<ApiAnswer> {
    return this.#ask(id => JSON.stringify({ serve: { id, host: host.toWellFormed(), port, adminToken: adminToken?.toWellFormed(), insecure } }))
  }

  /** Stops what `serve` began. */
  stopServing(port: number): Promise<ApiAnswer> {
    return this.#ask(id => `{"stopServing":{"id":${id},"port":${port}}}`)
  }

  /** Answers once everything that had fallen due has been done. */
  async quiet(): Promise<ApiAnswer> {
    // Before it is open it takes no messages. Why it could not be opened is told to whoever opened it.
    await this.opened.catch(() => {})
    return this.#ask(id => `{"quiet":${id}}`)
  }

  /** These actions can be called from now on, besides those before. */
  provide(actions: string[]): void {
    if (actions.length > 0) this.#push(`{"provide":${JSON.stringify(actions)}}`)
  }

  /** From now on attempts begin. */
  work(): void {
    this.#push('{"work":{}}')
  }

  /** `output` is JSON text. */
  completed(task: number, output: string | undefined): void {
    if (output === undefined) return this.#push(`{"completed":{"task":${task}}}`)
    if (output.length <= LONG_CHARACTERS) return this.#push(`{"completed":{"task":${task},"output":${output}}}`)
    if (this.#isOver) return
    this.#batchCharacters += output.length
    this.#push(`{"completed":{"task":${task},"beside":${this.#beside.push(output) - 1}}}`)
  }

  /** Both are JSON texts. */
  failed(task: number, error: string, retryAfter: string | undefined): void {
    const after = retryAfter === undefined ? '' : `,"retryAfter":${retryAfter}`
    this.#push(`{"failed":{"task":${task},"error":${error}${after}}}`)
  }

  /** Stops in order; what runs gets so many milliseconds to end. */
  close(grace: number): Promise<void> {
    this.#push(`{"close":{"grace":${grace}}}`)
    return this.#closed.promise
  }

  /** As if the process had ended, for tests of what the next one does. */
  abandon(): Promise<void> {
    this.#push('{"abandon":{}}')
    return this.#closed.promise
  }

  #ask(message: (id: number) => string): Promise<ApiAnswer> {
    return new Promise(resolve => {
      const id = this.#wait({ answer: resolve })
      if (id !== undefined) this.#push(message(id))
    })
  }

  #send(request: ApiRequest, waiting: Waiting): number {
    const id = this.#wait(waiting)
    if (id === undefined) return 0
    const { method, path, headers, body, execution } = request
    let text = `{"request":{"id":${id},"method":"${method}","path":${JSON.stringify(path)}`
    if (headers !== undefined) text += `,"headers":${JSON.stringify(headers)}`
    if (body !== undefined) text += `,"body":${body}`
    if (waiting.chunk !== undefined) text += ',"stream":true'
    if (execution !== undefined) text += ',"execution":true'
    this.#push(text + '}}')
    return id
  }

  /** The number of a new request; none where nobody will answer it any more. */
  #wait(waiting: Waiting): number | undefined {
    if (this.#isOver) {
      waiting.answer(closedAnswer)
      return undefined
    }
    const id = this.#nextId++
    this.#waiting.set(id, waiting)
    return id
  }

  #cancel(id: number): void {
    if (this.#waiting.delete(id)) this.#push(`{"cancel":${id}}`)
  }

  #push(message: string): void {
    if (this.#isOver) return
    if (this.#batch.length === 0) setImmediate(this.#flush)
    this.#batch.push(message)
    this.#batchCharacters += message.length
    if (this.#batchCharacters > BATCH_CHARACTERS) this.#flush()
  }

  readonly #flush = (): void => {
    if (this.#batch.length === 0) return
    const [messages, beside] = [this.#batch, this.#beside]
    this.#batch = []
    this.#beside = []
    this.#batchCharacters = 0
    this.#native.send(`[${messages.join(',')}]`, beside)
  }

  /** Called by the addon. An exception here would end the process. */
  #deliver(text: string, bytes: Buffer, long: LongTexts[]): void {
    let [at, next] = [0, 0]
    for (const message of JSON.parse(text) as Delivery[]) {
      try {
        if (message.execution !== undefined) {
          const [id, status, length, encoding, head] = message.execution
          // A text of its own: a part of the bytes would keep all of them in memory.
          const execution = encoding === 'long' ? (long[next++] as LongTexts) : bytes.toString(encoding, at, at + length)
          at += length
          this.#answered({ id, status, body: lazyExecution(head, execution) })
        } else {
          const absent = message.task?.[5]
          if (absent !== undefined) lazyFields(message.task?.[4] as object, absent, long[next++] as LongTexts)
          this.#receive(message)
        }
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error))
      }
    }
  }

  #receive(message: Delivery): void {
    if (message.task !== undefined) return this.#worker.run(message.task)
    if (message.answer !== undefined) return this.#answered(message.answer)
    if (message.chunk !== undefined) return this.#waiting.get(message.chunk.id)?.chunk?.(message.chunk.text)
    if (message.end !== undefined) {
      const waiting = this.#waiting.get(message.end.id)
      this.#waiting.delete(message.end.id)
      return waiting?.chunk?.(undefined)
    }
    if (message.abort !== undefined) return this.#worker.abort(message.abort.task, message.abort.reason)
    if (message.opened !== undefined) return this.#opened.resolve(message.opened.actions)
    if (message.broken !== undefined) {
      this.#over()
      return this.#opened.reject(new WorkflowError(message.broken.code, message.broken.message))
    }
    if (message.warning !== undefined) return process.emitWarning(message.warning.message, 'WorkflowWarning')
    if (message.closed !== undefined) this.#over()
  }

  #answered(answer: ApiAnswer & { id: number }): void {
    const waiting = this.#waiting.get(answer.id)
    // Of a streamed answer more comes.
    if (waiting?.chunk === undefined || answer.status >= 300) this.#waiting.delete(answer.id)
    waiting?.answer(answer)
  }

  #over(): void {
    this.#isOver = true
    for (const waiting of this.#waiting.values()) {
      waiting.answer(closedAnswer)
      waiting.chunk?.(undefined)
    }
    this.#waiting.clear()
    this.#closed.resolve()
  }
}

const closedAnswer: ApiAnswer = { status: 503, body: { code: 'closed', detail: 'the workflow is closed' } }

/** A promise that somebody else settles. */
export interface Deferred<T> {
  promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((resolved, rejected) => {
    resolve = resolved
    reject = rejected
  })
  return { promise, resolve, reject }
}
