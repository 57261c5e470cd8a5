#!/usr/bin/env node
// An action service: what `workflow` calls to get the steps of an order done. Plain Node, no dependencies; any language
// can do the same, since all it takes is two routes.
//
//   GET  /                   {"actions": [...]}, so that the engine knows what is provided here
//   POST /{action}           {params, state, context} with an Idempotency-Key; the answer's body is the step's output
//
//   GET  /admin/stats        calls, charges, what is under way; ?keys adds the calls of every idempotency key
//   POST /admin/cards/fix    the declined cards work from now on
//
//   node service.mjs [--listen 127.0.0.1:4800] [--data .]
//
// It writes charges.jsonl (the ledger, the truth about money) and calls.jsonl (every call, also those that nobody was
// left to hear the answer of).

import { createWriteStream, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { orderActions, Problem } from './actions.mjs'
import { fault, latency } from './faults.mjs'
import { Ledger } from './ledger.mjs'

const BODY_BYTES_MAX = 8 * 1024 * 1024

/** Opens the books in `data` and answers a server that does not listen yet. `pace` 0 leaves out all latencies. */
export async function createService({ data, pace = 1 }) {
  mkdirSync(data, { recursive: true })
  const ledger = await Ledger.open(join(data, 'charges.jsonl'))
  const callLog = createWriteStream(join(data, 'calls.jsonl'), { flags: 'a' })
  const cards = openCards(join(data, 'cards-fixed'))
  const service = {
    actions: orderActions({ ledger, cards }),
    ledger,
    cards,
    callLog,
    pace,
    calls: { total: 0, underWay: 0, byAction: {}, byKey: new Map(), unanswered: new Set() },
  }
  const server = createServer((request, response) =>
    route(service, request, response).catch((error) => answerProblem(response, error)),
  )
  // The engine keeps connections open between calls; closing them under it would look like a fault.
  server.keepAliveTimeout = 60_000
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await ledger.close()
    await new Promise((resolve) => callLog.end(resolve))
  }
  return { server, close }
}

async function route(service, request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://service')
  const name = decodeURIComponent(pathname.slice(1))
  switch (`${request.method} ${pathname}`) {
    case 'GET /':
      return answer(response, 200, { actions: Object.keys(service.actions) })
    case 'GET /admin/stats':
      return answer(response, 200, stats(service, searchParams.has('keys')))
    case 'POST /admin/cards/fix':
      service.cards.fix()
      return answer(response, 200, { fixed: true })
  }
  if (!Object.hasOwn(service.actions, name)) throw new Problem(404, 'no_such_action', `no action ${name || '/'} here`)
  if (request.method !== 'POST') throw new Problem(405, 'method_not_allowed', `call ${name} with POST`, { allow: 'POST' })
  return serve(service, name, request, response)
}

/** One call of an action, from its arrival to its line in the log. */
async function serve(service, action, request, response) {
  const started = Date.now()
  const { params, state, context } = await readCall(request)
  const key = request.headers['idempotency-key'] ?? context.idempotencyKey
  const call = { action, key, executionId: context.executionId, attempt: context.attempt, orderId: params.orderId, outcome: 'done' }
  count(service.calls, call)
  const closed = new Promise((resolve) => response.once('close', resolve))
  try {
    await perform(service, call, { params, state, context: { ...context, idempotencyKey: key } }, response)
  } catch (error) {
    call.outcome = error.code ?? 'error'
    throw error
  } finally {
    // Work goes on when the caller is gone, so the line waits for both: for the work, and for what became of the answer.
    closed.then(() => {
      service.calls.underWay--
      service.calls.unanswered.delete(response)
      const answered = response.writableFinished
      service.callLog.write(`${JSON.stringify({ time: started, ...call, answered, ms: Date.now() - started })}\n`)
    })
  }
}

/** The action with its latency and its faults around it. */
async function perform(service, call, { params, state, context }, response) {
  const { action, orderId, attempt } = call
  const trouble = fault(action, orderId, attempt)
  const { beforeMs, afterMs } = latency(action, orderId, attempt)
  await sleep(beforeMs * service.pace)
  if (trouble === 'unavailable') {
    throw new Problem(503, 'unavailable', `${action} is not available for the moment`, { 'retry-after': '1' })
  }
  if (trouble === 'dropped') return drop(call, response, trouble)
  const output = await service.actions[action](params, state, context, call)
  if (action === 'chargeCard') service.calls.unanswered.add(response)
  await sleep(afterMs * service.pace)
  if (trouble === 'lost-answer') return drop(call, response, `${call.outcome}, ${trouble}`)
  if (trouble === 'silent') return void (call.outcome = `${call.outcome}, ${trouble}`)
  answer(response, 200, output)
}

function drop(call, response, outcome) {
  call.outcome = outcome
  response.destroy()
}

function count(calls, { action, key }) {
  calls.total++
  calls.underWay++
  calls.byAction[action] = (calls.byAction[action] ?? 0) + 1
  calls.byKey.set(key, (calls.byKey.get(key) ?? 0) + 1)
}

function stats({ calls, ledger, cards }, withKeys) {
  const { total, underWay, byAction, byKey, unanswered } = calls
  return {
    calls: total,
    underWay,
    byAction,
    charges: ledger.size,
    // Charged, and the caller does not know it yet: whoever dies now has to ask again.
    chargesUnanswered: [...unanswered].filter((response) => !response.closed).length,
    cardsFixed: cards.fixed,
    ...(withKeys && { byKey: Object.fromEntries(byKey) }),
  }
}

/** Which cards the bank declines: those of tokens made for it, until someone has fixed them. */
function openCards(marker) {
  return {
    fixed: existsSync(marker),
    declined(source) {
      return !this.fixed && source.startsWith('pm_declined_')
    },
    fix() {
      writeFileSync(marker, 'the cards that were declined work again\n')
      this.fixed = true
    },
  }
}

async function readCall(request) {
  const chunks = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new Problem(413, 'payload_too_large', `the body is larger than ${BODY_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  let body
  try {
    body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw new Problem(400, 'bad_json', `the body is not JSON: ${error.message}`)
  }
  const { params, state, context } = body ?? {}
  if (!params?.orderId || !context?.executionId || !context?.attempt) {
    throw new Problem(400, 'bad_call', 'expected {params: {orderId, ...}, state, context: {executionId, attempt, ...}}')
  }
  return { params, state, context }
}

function answer(response, status, body, headers = {}) {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

function answerProblem(response, error) {
  if (response.headersSent || response.destroyed) return response.destroy()
  if (!(error instanceof Problem)) {
    console.error(error)
    error = new Problem(500, 'internal', 'the service failed, see its log')
  }
  const { status, code, message, headers } = error
  answer(response, status, { title: code, status, code, detail: message }, { 'content-type': 'application/problem+json', ...headers })
}

async function main() {
  const { values } = parseArgs({
    options: { listen: { type: 'string', default: '127.0.0.1:4800' }, data: { type: 'string', default: '.' } },
  })
  const [, host, port] = /^(.+):(\d+)$/.exec(values.listen) ?? []
  if (!host) throw new Error(`--listen ${values.listen}: expected HOST:PORT, such as 127.0.0.1:4800`)
  const { server, close } = await createService({ data: values.data })
  server.once('error', (error) => {
    console.error(`cannot listen on ${values.listen}: ${error.message}`)
    process.exit(1)
  })
  server.listen(Number(port), host, () => console.log(`serving order actions on http://${host}:${server.address().port}`))
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => close().then(() => process.exit(0)))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
