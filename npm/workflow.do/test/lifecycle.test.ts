/** From the constructor to the end of the process. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { deferred } from '../src/bridge.js'
import { Workflow, WorkflowError } from '../src/index.js'
import { SimulatedClock } from '../src/testing.js'
import { folder } from './folder.js'
import { OrderWorkflow } from './order.js'

const noop = (id: string) => ({ id, steps: [{ id: 'only', action: 'noop' }] })

test('setup has run before the first call is answered', async () => {
  const order: string[] = []
  class Slow extends Workflow {
    override async setup() {
      await new Promise(setImmediate)
      await this.register(noop('slow'))
      order.push('setup')
    }
  }
  await using workflow = new Slow({ store: ':memory:' })
  const [started, definitions] = await Promise.all([
    workflow.start('slow').then(execution => {
      order.push('start')
      return execution
    }),
    workflow.listDefinitions()
  ])
  assert.deepEqual(order, ['setup', 'start'])
  assert.equal(started.workflowId, 'slow')
  assert.equal(definitions.length, 1)
})

test('calls that setup makes do not wait for it, however deep they are', async () => {
  class Nested extends Workflow {
    override async setup() {
      await Promise.all([this.#define('a'), new Promise(resolve => setTimeout(resolve, 1)).then(() => this.#define('b'))])
      await this.start('a', {}, { idempotencyKey: 'one' })
    }

    async #define(id: string) {
      await new Promise(setImmediate)
      await this.register(noop(id))
    }
  }
  await using workflow = new Nested({ store: ':memory:' })
  assert.deepEqual(
    (await workflow.listDefinitions()).map(definition => definition.id),
    ['a', 'b']
  )
  assert.equal((await workflow.listExecutions()).length, 1)
})

test('a workflow that setup makes waits for its own setup, not for that of the other', async () => {
  const inner = deferred<Workflow>()
  class Inner extends Workflow {
    override async setup() {
      await this.register(noop('inner'))
    }
  }
  class Outer extends Workflow {
    override async setup() {
      const other = new Inner({ store: ':memory:' })
      assert.equal((await other.listDefinitions()).length, 1)
      inner.resolve(other)
      await this.register(noop('outer'))
    }
  }
  await using workflow = new Outer({ store: ':memory:' })
  assert.equal((await workflow.listDefinitions())[0]?.id, 'outer')
  await (await inner.promise).close()
})

test('no action runs before setup has ended, also of executions that were there before', async t => {
  const store = join(folder(t), 'workflow.db')
  const first = new OrderWorkflow({ store })
  const hang = deferred<void>()
  const begun = deferred<void>()
  first.validatePayment = async () => {
    begun.resolve()
    await hang.promise
    throw new Error('it is late')
  }
  const { id } = await first.start('order-processing', { orderId: 'o' })
  await begun.promise
  const closing = first.close()
  hang.resolve()
  await closing

  const order: string[] = []
  class Prepared extends OrderWorkflow {
    #client: string | undefined

    override async setup() {
      await super.setup()
      await this.start('order-processing', { orderId: 'started in setup' })
      // Everything that can begin has begun after this.
      await clock.advance(0)
      this.#client = 'connected'
      order.push('setup')
    }

    override async validatePayment() {
      assert.equal(this.#client, 'connected')
      order.push('action')
      return { total: 1, paymentMethod: 'm' }
    }
  }
  const clock = new SimulatedClock(Date.now())
  await using second = new Prepared({ store, clock })
  await second.retry(id)
  assert.equal((await second.wait(id)).status, 'completed')
  for (const { id } of await second.listExecutions()) assert.equal((await second.wait(id)).status, 'completed')
  assert.deepEqual(order, ['setup', 'action', 'action'])
})

test('wait inside setup is refused: nothing would ever end it', async () => {
  class Waits extends Workflow {
    override async setup() {
      await this.register({ id: 'w', steps: [{ id: 'a', action: 'act' }] })
      const { id } = await this.start('w')
      await this.wait(id)
    }

    act() {}
  }
  await assert.rejects(new Waits({ store: ':memory:' }).ready(), { code: 'invalid_state', message: /`wait` inside `setup\(\)`/ })
  class StartsAndWaits extends Waits {
    override async setup() {
      await this.register({ id: 'w', steps: [{ id: 'a', action: 'act' }] })
      await this.startAndWait('w')
    }
  }
  const workflow = new StartsAndWaits({ store: ':memory:' })
  await assert.rejects(workflow.ready(), { code: 'invalid_state', message: /`startAndWait` inside `setup\(\)`/ })
})

test('every call rejects with what setup threw, also later ones', async () => {
  const failure = new Error('no database')
  class Broken extends Workflow {
    override async setup() {
      await new Promise(setImmediate)
      throw failure
    }
  }
  const workflow = new Broken({ store: ':memory:' })
  const rejections = await Promise.allSettled([workflow.start('x'), workflow.status('y'), workflow.ready(), workflow.serve({ port: 0 })])
  assert.deepEqual(
    rejections.map(settled => settled.status === 'rejected' && settled.reason),
    [failure, failure, failure, failure]
  )
  await assert.rejects(workflow.listDefinitions(), failure)
  await workflow.close()
  await assert.rejects(workflow.listDefinitions(), { code: 'closed' })
})

test('a definition that setup may not register rejects every call with its diagnostics', async () => {
  class Broken extends Workflow {
    override async setup() {
      await this.register({ id: 'order', steps: [{ id: 'a', action: 'x', dependsOn: ['b' as 'a'] }] })
    }
  }
  await assert.rejects(new Broken({ store: ':memory:' }).start('order'), (error: WorkflowError) => {
    assert.ok(error instanceof WorkflowError)
    assert.equal(error.code, 'invalid_definition')
    assert.equal(error.status, 422)
    assert.equal(error.diagnostics?.[0]?.pointer, '/steps/0/dependsOn/0')
    return true
  })
})

test('options: what is wrong with them is said at once', () => {
  const wrong: [object, RegExp][] = [
    [{ stor: 'x' }, /no option `stor`; the options are `store`/],
    [{ store: 7 }, /`store` is 7: expected the path/],
    [{ store: '' }, /`store` is an empty text/],
    [{ concurrency: 0 }, /`concurrency` is 0: expected a whole number from 1/],
    [{ concurrency: 1.5 }, /1\.5/],
    [{ encryptionKeys: 7 }, /`encryptionKeys` is of type number: expected keys as 'name:base64'/],
    [{ encryptionKeys: 'k:AAAA', url: 'http://127.0.0.1:4747' }, /`encryptionKeys` are given with `url`/],
    [{ url: [] }, /`url` is an array: expected 'http:\/\/127\.0\.0\.1:4747', or a list of such addresses/],
    [{ clock: {} }, /`clock` is an object: expected a `SimulatedClock`/]
  ]
  for (const [options, message] of wrong) {
    assert.throws(() => new Workflow(options), (error: WorkflowError) => error.code === 'invalid_request' && message.test(error.message))
  }
})

test('encryptionKeys: nothing is in the file in plain, and it opens only with its key', async t => {
  const store = join(folder(t), 'orders.db')
  const [first, other] = ['k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=', 'o:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=']
  class Echo extends Workflow {
    override async setup() {
      await this.register({ id: 'echo', steps: [{ id: 'a', action: 'echo', sensitive: ['pin'] }] })
    }
    async echo(params: { secret: string; pin: number }) {
      return params
    }
  }
  let id: string
  {
    await using workflow = new Echo({ store, encryptionKeys: first })
    const execution = await workflow.startAndWait('echo', { secret: 'canary-93aa', pin: 1234 })
    assert.deepEqual(execution.output, { secret: 'canary-93aa', pin: '[sensitive]' })
    id = execution.id
  }
  assert.ok(!readFileSync(store).includes('canary-93aa'))
  for (const encryptionKeys of [undefined, other, 'k:AAAA']) {
    await assert.rejects(new Echo({ store, ...(encryptionKeys === undefined ? {} : { encryptionKeys }) }).status(id), (error: Error) => {
      assert.match(error.message, encryptionKeys === 'k:AAAA' ? /found 3 bytes/ : /encryption key `k`/)
      return !error.message.includes('AAECAwQF')
    })
  }
  await using again = new Echo({ store, encryptionKeys: `${other},${first}` })
  assert.deepEqual((await again.status(id))?.input, { secret: 'canary-93aa', pin: 1234 })
})

test('configure adds to the options until it is open', async t => {
  class Configured extends Workflow<{ NAME: string }> {
    constructor(path: string) {
      super({ env: { NAME: 'given' } })
      this.configure({ store: path })
    }

    name() {
      return this.env.NAME
    }
  }
  await using workflow = new Configured(join(folder(t), 'configured.db'))
  workflow.configure({ concurrency: 2 })
  await workflow.register({ id: 'w', steps: [{ id: 'a', action: 'name' }] })
  const { id } = await workflow.start('w')
  assert.equal((await workflow.wait(id)).output, 'given')
  assert.throws(() => workflow.configure({ concurrency: 3 }), { code: 'invalid_state' })
})

test('concurrency bounds the attempts that run at the same time, of all actions together', { timeout: 30_000 }, async () => {
  let running = 0
  let most = 0
  let filled = () => {}
  const isFull = new Promise<void>(resolve => (filled = resolve))
  class Bounded extends Workflow {
    override async setup() {
      await this.register({
        id: 'wide',
        steps: Array.from({ length: 20 }, (_, index) => ({ id: `s${index}`, action: index % 2 === 0 ? 'even' : 'odd' }))
      })
    }

    async even() {
      most = Math.max(most, ++running)
      if (running === 3) filled()
      // The first ones stay until there are three: attempts do not arrive at the same time.
      await isFull
      await new Promise(setImmediate)
      running--
    }

    async odd() {
      return await this.even()
    }
  }
  await using workflow = new Bounded({ store: ':memory:', concurrency: 3 })
  const { id } = await workflow.start('wide')
  await workflow.wait(id)
  assert.equal(most, 3)
})

test('a closed workflow answers no call, and closing it again does nothing', async () => {
  const workflow = new OrderWorkflow({ store: ':memory:' })
  await workflow.ready()
  assert.equal(workflow.close(), workflow.close())
  await workflow.close()
  for (const call of [
    () => workflow.start('order-processing'),
    () => workflow.status('exec_x'),
    () => workflow.ready(),
    () => workflow.serve({ port: 0 }),
    () => workflow.stream('exec_x').next()
  ]) {
    await assert.rejects(call, { name: 'WorkflowError', code: 'closed' })
  }
})

test('a workflow can be closed before it is open', async t => {
  await new OrderWorkflow({ store: join(folder(t), 'never.db') }).close()
  const opening = new OrderWorkflow({ store: join(folder(t), 'opening.db') })
  const call = opening.start('order-processing', { orderId: 'o' })
  await Promise.resolve()
  const closed = opening.close()
  await assert.rejects(call, { code: 'closed' })
  await closed
})

test('close waits for actions that run, and records what they give', async t => {
  const store = join(folder(t), 'workflow.db')
  const begun = deferred<void>()
  const go = deferred<void>()
  const first = new OrderWorkflow({ store })
  first.validatePayment = async () => {
    begun.resolve()
    await go.promise
    return { total: 99, paymentMethod: 'kept' }
  }
  const { id } = await first.start('order-processing', { orderId: 'o' })
  await begun.promise
  const waiting = first.wait(id)
  const closing = first.close()
  setImmediate(() => go.resolve())
  await assert.rejects(waiting, { code: 'closed' })
  await closing
  await using second = new OrderWorkflow({ store })
  const execution = await second.wait(id)
  assert.deepEqual(execution.stepResults['validate']?.output, { total: 99, paymentMethod: 'kept' })
  const attempts = execution.history.filter(entry => entry.type === 'step_start' && entry.stepId === 'validate')
  assert.equal(attempts.length, 1)
})

test('the file is free for the next one as soon as close has ended', async t => {
  const store = join(folder(t), 'workflow.db')
  for (let life = 0; life < 3; life++) {
    const workflow = new OrderWorkflow({ store })
    await workflow.ready()
    await workflow.close()
  }
})

test('a second workflow on the same file is told who has it', async t => {
  const store = join(folder(t), 'workflow.db')
  await using first = new OrderWorkflow({ store })
  await first.ready()
  const second = new OrderWorkflow({ store })
  const refused = (error: unknown) => {
    assert.ok(error instanceof WorkflowError)
    assert.equal(error.code, 'store_unavailable')
    assert.match(error.message, new RegExp(`process ${process.pid} .*workflow serve`, 's'))
    return true
  }
  await Promise.all([assert.rejects(second.start('order-processing'), refused), assert.rejects(second.ready(), refused)])
})

test('a file that cannot be opened rejects the first call', async t => {
  const workflow = new OrderWorkflow({ store: join(folder(t), 'no', 'such', 'folder', 'workflow.db') })
  await assert.rejects(workflow.start('order-processing'), { name: 'WorkflowError', code: 'store_unavailable' })
})

/** A process of its own, which is over by itself. */
async function run(script: string): Promise<{ code: number | null; output: string; errors: string }> {
  const index = new URL('../src/index.js', import.meta.url).href
  const child = spawn(process.execPath, ['--input-type=module', '-e', `import { Workflow } from '${index}'\n${script}`], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  let errors = ''
  child.stdout.on('data', data => (output += data))
  child.stderr.on('data', data => (errors += data))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output, errors }
}

test('the process ends by itself once the workflow is closed', async () => {
  const { code, output, errors } = await run(`
    const workflow = new Workflow({ store: ':memory:' })
    await workflow.listDefinitions()
    await workflow.close()
    process.on('exit', () => console.log('over'))
  `)
  assert.deepEqual({ code, output, errors }, { code: 0, output: 'over\n', errors: '' })
})

test('an open workflow keeps the process alive, so that it goes on with its executions without any call', async t => {
  const store = join(folder(t), 'workflow.db')
  const { code, output } = await run(`
    class Again extends Workflow {
      async goOn() { console.log('went on'); setImmediate(() => this.close()) }
    }
    const other = new Workflow({ store: '${store}' })
    await other.register({ id: 'later', steps: [{ id: 'a', action: 'noop', wait: '300ms' }, { id: 'b', action: 'goOn', dependsOn: ['a'] }] })
    await other.serve({ port: 0 })
    await other.start('later')
    await other.close()
    new Again({ store: '${store}' })
  `)
  assert.equal(output, 'went on\n')
  assert.equal(code, 0)
})

test('a setup that fails without any call is not silent', async () => {
  const { code, errors } = await run(`
    new (class extends Workflow {
      async setup() { throw new Error('no database') }
    })({ store: ':memory:' })
  `)
  assert.equal(code, 1)
  assert.match(errors, /Error: no database/)
})

test('process.exit in the middle of everything ends the process', async () => {
  const { code, errors } = await run(`
    const workflow = new (class extends Workflow {
      async setup() { await this.register({ id: 'w', steps: [{ id: 'a', action: 'act' }] }) }
      async act() { if (Math.random() < 0.5) process.exit(7) }
    })({ store: ':memory:' })
    for (;;) await workflow.start('w')
  `)
  assert.deepEqual({ code, errors }, { code: 7, errors: '' })
})

test('a thread of Node that ends takes its workflow with it', async t => {
  const store = join(folder(t), 'workflow.db')
  const { code, output, errors } = await run(`
    import { Worker } from 'node:worker_threads'
    const index = ${JSON.stringify(new URL('../src/index.js', import.meta.url).href)}
    const source = \`import('\${index}').then(async ({ Workflow }) => {
      const workflow = new Workflow({ store: '${store}' })
      await workflow.ready()
      const { parentPort } = await import('node:worker_threads')
      parentPort.postMessage('open')
    })\`
    const worker = new Worker(source, { eval: true })
    await new Promise(resolve => worker.once('message', resolve))
    await worker.terminate()
    const workflow = new Workflow({ store: '${store}' })
    console.log((await workflow.listDefinitions()).length)
    await workflow.close()
  `)
  assert.deepEqual({ code, output, errors }, { code: 0, output: '0\n', errors: '' })
})
