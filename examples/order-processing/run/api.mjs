// The part of the HTTP API that the demonstration needs, over fetch. Every answer that says "not now" (429, 503) and
// every broken connection is tried again, which is safe: a start carries an idempotency key, the rest only reads.

import { setTimeout as sleep } from 'node:timers/promises'

const ANSWER_WITHIN_MS = 15_000
const AGAIN_AFTER_MS = 50
const PAGE = 1000

export class Api {
  /** How often a call had to be repeated, by what was in the way. */
  repeated = { unreachable: 0, refused: 0 }

  constructor(base) {
    this.base = base
  }

  async ready() {
    const response = await fetch(`${this.base}/readyz`, { signal: AbortSignal.timeout(1000) })
    await response.arrayBuffer()
    return response.ok
  }

  /**
   * Starts an execution, however long it takes, until `stop` is aborted. The key makes a repetition harmless: if the
   * server had started it and died before it could say so, it answers 200 with that execution, else 201 with a new one.
   */
  async start(workflowId, input, key, stop) {
    for (let repetitions = 0; ; repetitions++) {
      stop.throwIfAborted()
      const answer = await this.#try(`/api/v1/workflows/${workflowId}/executions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify({ input }),
      })
      if (!answer.again) return { execution: answer.body, wasThere: answer.status === 200, repetitions }
      this.repeated[answer.again]++
      await sleep(answer.afterMs)
    }
  }

  /** Every execution of a workflow, newest first; null while the server does not answer. */
  async list(workflowId) {
    const all = []
    let cursor = ''
    do {
      const answer = await this.#try(`/api/v1/executions?workflowId=${workflowId}&limit=${PAGE}${cursor && `&cursor=${cursor}`}`)
      if (answer.again) return null
      all.push(...answer.body.executions)
      cursor = answer.body.nextCursor ? encodeURIComponent(answer.body.nextCursor) : ''
    } while (cursor)
    return all
  }

  execution(id) {
    return this.#read(`/api/v1/executions/${id}`)
  }

  /** The complete history of an execution, oldest entry first. */
  async history(id) {
    const entries = []
    for (;;) {
      const after = entries.at(-1)?.seq
      const page = await this.#read(`/api/v1/executions/${id}/history?limit=${PAGE}${after === undefined ? '' : `&after=${after}`}`)
      entries.push(...page.entries)
      if (page.entries.length === 0 || !page.nextCursor) return entries
    }
  }

  async #read(path) {
    for (let left = 20; ; left--) {
      const answer = await this.#try(path)
      if (!answer.again) return answer.body
      if (left === 0) throw new Error(`GET ${path}: no answer from ${this.base}`)
      await sleep(answer.afterMs)
    }
  }

  /** One request. `again` says why it should be repeated; an answer that refuses for good is thrown. */
  async #try(path, options = {}) {
    let response, text
    try {
      response = await fetch(this.base + path, { ...options, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
      text = await response.text()
    } catch {
      return { again: 'unreachable', afterMs: AGAIN_AFTER_MS }
    }
    if (response.status === 429 || response.status === 503) {
      return { again: 'refused', afterMs: Number(response.headers.get('retry-after') ?? 0.05) * 1000 }
    }
    if (!response.ok) throw new Error(`${options.method ?? 'GET'} ${path}: ${response.status} ${text.slice(0, 500)}`)
    return { status: response.status, body: JSON.parse(text) }
  }
}

/** Runs `work` over `items`, at most `limit` at a time. Answers the results in the order of the items. */
export async function inParallel(items, limit, work) {
  const results = new Array(items.length)
  let next = 0
  const lane = async () => {
    while (next < items.length) {
      const n = next++
      results[n] = await work(items[n], n)
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane))
  return results
}
