/** Which functions are actions, and what they are called with. */

import assert from 'node:assert/strict'
import test from 'node:test'
import { actionsOf } from '../src/actions.js'
import { Workflow } from '../src/index.js'
import { folder } from './folder.js'

/** The output of one step with this action. */
async function call(workflow: Workflow, action: string, input: object = {}): Promise<unknown> {
  await workflow.register({ id: 'one', steps: [{ id: 'only', action }] })
  const { id } = await workflow.start('one', input)
  return (await workflow.wait(id)).output
}

test('methods of the class and of classes between are actions, those of Workflow never', async () => {
  class Base extends Workflow {
    shared() {}
    overridden() {}
    // What the runtime calls, or will.
    override async setup() {}
    fetch() {}
    alarm() {}
    _private() {}
    #hidden() {}
    get getter(): () => void {
      throw new Error('no getter is run to find out')
    }
    static ofTheClass() {}
    uses() {
      return this.#hidden
    }
  }
  class Derived extends Base {
    override overridden() {}
    override async start(): Promise<never> {
      throw new Error('the engine calls its own')
    }
    override toString() {
      return 'Derived'
    };
    [Symbol.iterator]() {}
  }
  await using workflow = new Derived({ store: ':memory:' })
  assert.deepEqual(actionsOf(workflow, Workflow.prototype).sort(), ['overridden', 'shared', 'uses'])
})

test('functions in fields are actions too, and what is nearer hides what is further away', async () => {
  class Base extends Workflow {
    hidden() {}
  }
  class Fields extends Base {
    arrow = async () => 'arrow'
    _helper = () => {}
    client = class {}
    limit = 3
  }
  // JavaScript allows what TypeScript does not.
  Object.defineProperty(Fields.prototype, 'hidden', {
    get: () => {
      throw new Error('no getter is run to find out')
    }
  })
  await using workflow = new Fields({ store: ':memory:' })
  assert.deepEqual(actionsOf(workflow, Workflow.prototype), ['arrow'])
})

test('an override of a call of the engine is never run as an action', async () => {
  class Sly extends Workflow {
    override async cancel(): Promise<never> {
      throw new Error('called as an action')
    }
  }
  await using workflow = new Sly({ store: ':memory:' })
  await assert.rejects(call(workflow, 'cancel'), { code: 'action_missing', message: /cancel/ })
  await assert.rejects(call(workflow, 'constructor'), { code: 'action_missing' })
  await assert.rejects(call(workflow, 'toString'), { code: 'action_missing' })
})

test('this is the workflow, in methods and in fields', async () => {
  class Bound extends Workflow<{ RATE: number }> {
    factor = 2
    method({ amount }: { amount: number }) {
      return amount * this.factor * this.env.RATE
    }
    field = async ({ amount }: { amount: number }) => amount * this.factor * this.env.RATE + 1
  }
  await using workflow = new Bound({ store: ':memory:', env: { RATE: 10 } })
  assert.equal(await call(workflow, 'method', { amount: 3 }), 60)
  assert.equal(await call(workflow, 'field', { amount: 3 }), 61)
})

test('a method that a test replaces is the one that is called', async () => {
  class Mocked extends Workflow {
    act() {
      return 'real'
    }
  }
  await using workflow = new Mocked({ store: ':memory:' })
  assert.equal(await call(workflow, 'act'), 'real')
  workflow.act = () => 'mock'
  assert.equal(await call(workflow, 'act'), 'mock')
})

test("'Email.send' calls env.Email.send with the params, on its own object", async () => {
  class Mailer {
    readonly from = 'shop@example.com'
    send(...args: unknown[]) {
      return { from: this.from, args }
    }
  }
  class Mails extends Mailer {}
  class Uses extends Workflow<{ Email: Mails; TEXT: string }> {}
  await using workflow = new Uses({ store: ':memory:', env: { Email: new Mails(), TEXT: 'x' } })
  assert.deepEqual(await call(workflow, 'Email.send', { to: 'me' }), { from: 'shop@example.com', args: [{ to: 'me' }] })
  await assert.rejects(call(workflow, 'Email.missing'), { code: 'action_missing', message: /Email\.missing/ })
  await assert.rejects(call(workflow, 'Sms.send'), { code: 'action_missing' })
  await assert.rejects(call(workflow, 'Email.toString'), { code: 'action_missing' })
})

test('a binding that cannot list its methods is asked for those that definitions name', async () => {
  const service = (path: string): unknown =>
    new Proxy(() => {}, {
      get: (_, name) => (typeof name === 'string' && name !== 'then' ? service(`${path}.${name}`) : undefined),
      ownKeys: () => [],
      apply: (_, __, args: unknown[]) => ({ called: path, args })
    })
  class Uses extends Workflow {}
  await using workflow = new Uses({ store: ':memory:', env: { STRIPE: service('STRIPE') } })
  assert.deepEqual(await call(workflow, 'STRIPE.charge', { amount: 1 }), { called: 'STRIPE.charge', args: [{ amount: 1 }] })
  assert.deepEqual(await call(workflow, 'STRIPE.charges.create'), { called: 'STRIPE.charges.create', args: [{}] })
})

test('definitions that were there before are looked at for such actions when it opens', async t => {
  const store = `${folder(t)}/workflow.db`
  const proxy = { Rpc: new Proxy({}, { get: (_, name) => (name === 'hello' ? () => 'over there' : undefined), ownKeys: () => [] }) }
  await using first = new Workflow({ store, env: proxy })
  await first.register({ id: 'stored', steps: [{ id: 'only', action: 'Rpc.hello' }] })
  await first.close()
  await using second = new Workflow({ store, env: proxy })
  const { id } = await second.start('stored')
  assert.equal((await second.wait(id)).output, 'over there')
})

test('an action that nobody has refuses the start and is named', async () => {
  await using workflow = new Workflow({ store: ':memory:' })
  await assert.rejects(call(workflow, 'chargeCard'), { code: 'action_missing', status: 409, message: /chargeCard/ })
})
