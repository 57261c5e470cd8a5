/** Calls of endpoints are signed as the library of Standard Webhooks itself wants them. */

import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { Webhook } from 'standardwebhooks'
import { Workflow } from '../src/index.js'

interface Call {
  headers: IncomingHttpHeaders
  body: string
}

/** An endpoint that notes how it is called. */
async function endpoint(answer: (calls: Call[]) => number): Promise<{ url: string; calls: Call[] } & AsyncDisposable> {
  const calls: Call[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request.setEncoding('utf8')) body += part
    calls.push({ headers: request.headers, body })
    response.writeHead(answer(calls), { 'content-type': 'application/json', connection: 'close' }).end('{"ok":true}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, calls, [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => server.close(resolve))) }
}

/** Runs one step at the endpoint; the params hold what is longer in UTF-8 than in characters. */
async function called(url: string, secret: string | undefined): Promise<string> {
  await using workflow = new Workflow({ store: ':memory:' })
  const server = await workflow.serve({ port: 0 })
  const put = await fetch(`${server.url}/api/v1/endpoints/mail`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url, actions: ['send'], secret })
  })
  assert.equal(put.status, 200)
  assert.ok(!(await put.text()).includes(secret ?? 'nothing'))
  await workflow.register({ id: 'mail', steps: [{ id: 'send', action: 'send', params: { text: 'Grüße 😀 \u2028' }, maxRetries: 1, retryDelay: '0s' }] })
  const { id } = await workflow.start('mail', { to: 'ada' })
  return (await workflow.wait(id)).status
}

const SECRETS: [string, Webhook][] = [
  ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', new Webhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')],
  ['any text, ü', new Webhook(new TextEncoder().encode('any text, ü'), { format: 'raw' })]
]

for (const [secret, webhook] of SECRETS) {
  test(`a call that is signed with \`${secret.slice(0, 6)}...\` is taken by the library`, async () => {
    await using there = await endpoint((calls) => (calls.length === 1 ? 500 : 200))
    assert.equal(await called(there.url, secret), 'completed')
    assert.equal(there.calls.length, 2)
    const ids = there.calls.map(({ headers, body }) => {
      const payload = webhook.verify(body, headers as Record<string, string>) as { params: unknown; context: { attempt: number } }
      assert.deepEqual(payload.params, { to: 'ada', text: 'Grüße 😀 \u2028' })
      return headers['webhook-id']
    })
    assert.equal(new Set(ids).size, 2, 'each attempt is a message of its own')
  })
}

test('a call that was changed on the way, or is repeated later, is not taken', async () => {
  const [secret, webhook] = SECRETS[0] as [string, Webhook]
  await using there = await endpoint(() => 200)
  await called(there.url, secret)
  const { headers, body } = there.calls[0] as Call
  const signed = headers as Record<string, string>
  assert.doesNotThrow(() => webhook.verify(body, signed))
  const refused = (changed: Record<string, string>, text = body) => assert.throws(() => webhook.verify(text, { ...signed, ...changed }))
  refused({}, body.replace('ada', 'eve'))
  refused({ 'webhook-id': 'another' })
  refused({ 'webhook-timestamp': String(Number(signed['webhook-timestamp']) + 1) })
  refused({ 'webhook-timestamp': String(Number(signed['webhook-timestamp']) - 3_600) })
  refused({ 'webhook-signature': 'v1,AAAA' })
  assert.throws(() => new Webhook('whsec_AAAA').verify(body, signed))
})

test('without a secret nothing is signed', async () => {
  await using there = await endpoint(() => 200)
  assert.equal(await called(there.url, undefined), 'completed')
  const names = Object.keys(there.calls[0]?.headers ?? {})
  assert.deepEqual(names.filter((name) => name.startsWith('webhook-')), [])
})
