/**
 * The HTTP API as calls, over any transport: the engine in this process, a server, later a Durable Object.
 *
 * Nothing is decided here. Arguments are checked where the API would not see that they are wrong.
 */

import { randomUUID } from 'node:crypto'
import type {
  CallOptions,
  EventExecutions,
  EventOptions,
  ExecutionFilters,
  ExecutionPage,
  ReplayOptions,
  StartAndWaitOptions,
  StartOptions,
  WaitOptions
} from './api.js'
import type { ApiAnswer, ApiRequest, Transport } from './bridge.js'
import type { Diagnostic, Duration, RegisteredDefinition, Registration } from './definition.js'
import { WorkflowError } from './errors.js'
import type { HistoryEntry, WorkflowExecution } from './execution.js'

/** The longest that one request waits; then another one does. */
const WAIT_MAX_MS = 60_000

const ENDED = new Set(['completed', 'failed', 'cancelled'])

export class Client {
  constructor(readonly transport: Transport) {}

  async register(definition: unknown): Promise<Registration> {
    if (typeof definition !== 'object' || definition === null) {
      throw new WorkflowError('invalid_definition', `the definition is ${describe(definition)}: expected an object`)
    }
    const body = json('the definition', definition)
    const id: unknown = Reflect.get(definition, 'id')
    // Without an id there is no path. Any other problem the engine reports, all at once.
    if (typeof id !== 'string' || id === '') {
      throw new WorkflowError('invalid_definition', `the \`id\` of the definition is ${describe(id)}: expected a text such as 'order-processing'`)
    }
    return (await this.#call('PUT', workflowPath(id), { body })) as Registration
  }

  async getDefinition(workflowId: string, version?: number): Promise<RegisteredDefinition | null> {
    const query = version === undefined ? '' : `?version=${encodeURIComponent(String(version))}`
    return (await this.#callOrNull('GET', workflowPath(workflowId) + query, 'workflow_not_found')) as RegisteredDefinition | null
  }

  async listDefinitions(): Promise<RegisteredDefinition[]> {
    const { workflows } = (await this.#call('GET', '/api/v1/workflows')) as { workflows: RegisteredDefinition[] }
    return workflows
  }

  async deleteDefinition(workflowId: string): Promise<boolean> {
    return (await this.#callOrNull('DELETE', workflowPath(workflowId), 'workflow_not_found')) !== null
  }

  async deleteExecution(executionId: string): Promise<boolean> {
    return (await this.#callOrNull('DELETE', executionPath(executionId), 'execution_not_found')) !== null
  }

  async start(workflowId: string, input: object | undefined, options: StartOptions | undefined): Promise<WorkflowExecution> {
    const body = input === undefined ? {} : { body: `{"input":${json('the input', input)}}` }
    return await this.#execution('POST', `${workflowPath(workflowId)}/executions`, { ...body, ...keyed(options) })
  }

  async startAndWait(workflowId: string, input: object | undefined, options: StartAndWaitOptions = {}): Promise<WorkflowExecution> {
    const body = input === undefined ? {} : { body: `{"input":${json('the input', input)}}` }
    const until = this.#until(options.timeout)
    const query = `wait=${millisecondsLeft(until)}ms${options.history === true ? '&include=history' : ''}`
    // With a key it can be asked again after a connection has broken; without one nobody would know whether it was started.
    const key = this.transport.canBreak ? { idempotencyKey: randomUUID(), ...options } : options
    const path = `${workflowPath(workflowId)}/executions?${query}`
    const execution = await this.#execution('POST', path, { ...body, ...keyed(key) }, options.signal)
    if (ENDED.has(execution.status) || performance.now() >= until) return execution
    const ended = await this.#wait(execution.id, until, options.signal)
    return options.history === true ? ended : Object.assign(ended, { history: [], historyTruncated: true })
  }

  async status(executionId: string): Promise<WorkflowExecution | null> {
    return (await this.#callOrNull('GET', executionPath(executionId), 'execution_not_found', { execution: true })) as WorkflowExecution | null
  }

  async wait(executionId: string, options: WaitOptions = {}): Promise<WorkflowExecution> {
    return await this.#wait(executionId, this.#until(options.timeout), options.signal)
  }

  async #wait(executionId: string, until: number, signal: AbortSignal | undefined): Promise<WorkflowExecution> {
    const path = executionPath(executionId)
    for (;;) {
      const execution = await this.#execution('GET', `${path}?wait=${millisecondsLeft(until)}ms`, {}, signal)
      if (ENDED.has(execution.status) || performance.now() >= until) return execution
    }
  }

  /** What every call does that moves an execution. */
  async control(executionId: string, verb: string, options: CallOptions | undefined): Promise<WorkflowExecution> {
    return await this.#execution('POST', `${executionPath(executionId)}/${verb}`, keyed(options))
  }

  async replay(executionId: string, options: ReplayOptions = {}): Promise<WorkflowExecution> {
    const body = options.input === undefined ? {} : { body: `{"input":${json('the input', options.input)}}` }
    return await this.#execution('POST', `${executionPath(executionId)}/replay`, { ...body, ...keyed(options) })
  }

  async runNow(executionId: string, stepId: string, options: CallOptions | undefined): Promise<WorkflowExecution> {
    const path = `${executionPath(executionId)}/steps/${segment('the step id', stepId)}/run-now`
    return await this.#execution('POST', path, keyed(options))
  }

  async history(executionId: string): Promise<HistoryEntry[]> {
    const path = `${executionPath(executionId)}/history`
    const entries: HistoryEntry[] = []
    let query = ''
    for (;;) {
      const page = (await this.#call('GET', path + query)) as { entries: HistoryEntry[]; nextCursor?: string }
      for (const entry of page.entries) entries.push(entry)
      if (page.nextCursor === undefined) return entries
      query = `?after=${page.nextCursor}`
    }
  }

  async listExecutions(filters: ExecutionFilters = {}): Promise<ExecutionPage> {
    const query = new URLSearchParams({ include: 'execution' })
    for (const [name, value] of Object.entries(filters) as [string, unknown][]) {
      if (value !== undefined) query.set(name, Array.isArray(value) ? value.join(',') : String(value))
    }
    // No status at all is none of them, not any of them.
    if (Array.isArray(filters.status) && filters.status.length === 0) return []
    const { executions, nextCursor } = (await this.#call('GET', `/api/v1/executions?${query}`)) as {
      executions: WorkflowExecution[]
      nextCursor?: string
    }
    return nextCursor === undefined ? executions : Object.assign(executions, { nextCursor })
  }

  async handleEvent(event: string, data: unknown, options: EventOptions = {}): Promise<EventExecutions> {
    const { id, source } = options
    if (source !== undefined && id === undefined) {
      throw new WorkflowError('invalid_request', 'an event has a `source` and no `id`: the source says whose id it is, so give both or neither')
    }
    const body = json('the event', source === undefined ? { event, data, id } : { specversion: '1.0', type: event, source, id, data })
    const headers = source === undefined ? {} : { headers: { 'content-type': 'application/cloudevents+json' } }
    const answer = (await this.#call('POST', '/api/v1/events', { body, ...headers })) as {
      executions: WorkflowExecution[]
      refused: EventExecutions['refused']
    }
    return Object.assign(answer.executions, { refused: answer.refused })
  }

  /** On `performance`'s clock. */
  #until(timeout: Duration | number | undefined): number {
    return timeout === undefined ? Infinity : performance.now() + this.#milliseconds('timeout', timeout)
  }

  #milliseconds(name: string, span: Duration | number): number {
    if (typeof span === 'number' && span >= 0) return span
    if (typeof span === 'string') {
      try {
        return this.transport.milliseconds(span)
      } catch (error) {
        throw new WorkflowError('invalid_request', `\`${name}\`: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    throw new WorkflowError('invalid_request', `\`${name}\` is ${describe(span)}: expected milliseconds or a duration such as '30s'`)
  }

  async #call(method: ApiRequest['method'], path: string, more: Partial<ApiRequest> = {}, signal?: AbortSignal): Promise<unknown> {
    const answer = await this.transport.request({ method, path, ...more }, signal)
    // Made here and not where the answer came in, so that the stack leads to the caller.
    if (answer.status >= 300) throw refusal(answer)
    return answer.body
  }

  /** A call whose answer is an execution. */
  async #execution(method: ApiRequest['method'], path: string, more: Partial<ApiRequest>, signal?: AbortSignal): Promise<WorkflowExecution> {
    return (await this.#call(method, path, { ...more, execution: true }, signal)) as WorkflowExecution
  }

  /** `null` where the answer is this code. */
  async #callOrNull(method: ApiRequest['method'], path: string, absent: string, more: Partial<ApiRequest> = {}): Promise<unknown> {
    const answer = await this.transport.request({ method, path, ...more })
    if (answer.status === 404 && problem(answer).code === absent) return null
    if (answer.status >= 300) throw refusal(answer)
    return answer.body
  }
}

interface Problem {
  code?: string
  detail?: string
  title?: string
  diagnostics?: Diagnostic[]
}

function problem(answer: ApiAnswer): Problem {
  return typeof answer.body === 'object' && answer.body !== null ? answer.body : {}
}

/** The error that an answer stands for. */
export function refusal(answer: ApiAnswer): WorkflowError {
  const { code, detail, title, diagnostics } = problem(answer)
  return new WorkflowError(code ?? 'internal', detail ?? title ?? `the engine answered with status ${answer.status}`, {
    status: answer.status,
    diagnostics,
    retryAfter: answer.retryAfter === undefined ? undefined : answer.retryAfter * 1_000
  })
}

/** Of one request. */
function millisecondsLeft(until: number): number {
  return Math.max(0, Math.min(WAIT_MAX_MS, Math.ceil(until - performance.now())))
}

function keyed(options: CallOptions | undefined): { headers?: Record<string, string> } {
  if (options?.idempotencyKey === undefined) return {}
  const key: unknown = options.idempotencyKey
  if (typeof key !== 'string') throw new WorkflowError('invalid_request', `\`idempotencyKey\` is ${describe(key)}: expected a text`)
  return { headers: { 'idempotency-key': key.toWellFormed() } }
}

function workflowPath(id: string): string {
  return `/api/v1/workflows/${segment('the workflow id', id)}`
}

export function executionPath(id: string): string {
  return `/api/v1/executions/${segment('the execution id', id)}`
}

/** A part of a path. What would be another path is refused. */
function segment(what: string, text: unknown): string {
  if (typeof text !== 'string') throw new WorkflowError('invalid_request', `${what} is ${describe(text)}: expected a text`)
  if (text === '' || text === '.' || text === '..') throw new WorkflowError('invalid_request', `${what} is '${text}': expected an id`)
  return encodeURIComponent(text.toWellFormed())
}

/** The JSON text of what a caller gave. */
function json(what: string, value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    throw new WorkflowError('invalid_request', `${what} cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    })
  }
  if (text === undefined) throw new WorkflowError('invalid_request', `${what} is ${describe(value)}: expected what JSON can hold`)
  return text
}

/** A value as a message names it. */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return value === '' ? 'an empty text' : `'${value.length > 40 ? value.slice(0, 40) + '…' : value}'`
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : 'an object'
  if (typeof value === 'function') return 'a function'
  return String(value)
}
