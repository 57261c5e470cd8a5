/** Time that passes when a test says so. */

import assert from 'node:assert/strict'
import test from 'node:test'
import { Workflow } from '../src/index.js'
import { SimulatedClock } from '../src/testing.js'

class Onboarding extends Workflow {
  sent: string[] = []

  override async setup() {
    await this.register({
      id: 'onboarding',
      steps: [
        { id: 'welcome', action: 'sendWelcomeEmail' },
        { id: 'wait', action: 'noop', wait: '3d', dependsOn: ['welcome'] },
        { id: 'tips', action: 'sendOnboardingTips', dependsOn: ['wait'] }
      ]
    })
    await this.register({ id: 'hangs', steps: [{ id: 'a', action: 'hangs', timeout: '1h' }] })
  }

  sendWelcomeEmail() {
    this.sent.push('welcome')
  }

  sendOnboardingTips() {
    this.sent.push('tips')
  }

  hangs() {
    return new Promise(() => {})
  }
}

/** Waits until the history has an entry of this type: time that passes before is not time that it waits. */
async function until(workflow: Workflow, id: string, type: string): Promise<void> {
  for await (const entry of workflow.stream(id)) if (entry.type === type) return
}

test('three days pass at once, and everything that fell due has been handed out', async () => {
  const clock = new SimulatedClock()
  await using workflow = new Onboarding({ store: ':memory:', clock })
  const { id, startedAt } = await workflow.start('onboarding')
  assert.equal(startedAt, clock.now())
  await until(workflow, id, 'wait')
  await clock.advance('2d 23h 59m')
  assert.deepEqual(workflow.sent, ['welcome'])
  assert.equal((await workflow.status(id))?.status, 'waiting')
  await clock.advance(60_000)
  assert.deepEqual(workflow.sent, ['welcome', 'tips'])
  const execution = await workflow.wait(id)
  assert.equal(execution.status, 'completed')
  assert.equal(execution.completedAt, startedAt + 3 * 24 * 3_600_000)
})

test('timeouts of attempts go by it', async () => {
  const clock = new SimulatedClock()
  await using workflow = new Onboarding({ store: ':memory:', clock })
  const { id } = await workflow.start('hangs')
  await until(workflow, id, 'step_start')
  await clock.advance('1h')
  assert.equal((await workflow.wait(id)).error, 'timed out after 1h')
})

test('it begins where it is told to, and at the same instant otherwise', async () => {
  assert.equal(new SimulatedClock().now(), Date.UTC(2027, 0, 15, 8))
  const clock = new SimulatedClock(Date.UTC(2030, 0))
  await using workflow = new Onboarding({ store: ':memory:', clock })
  assert.equal((await workflow.start('onboarding')).startedAt, Date.UTC(2030, 0))
})

test('the wall clock can be set, and a wait goes by it', async () => {
  const clock = new SimulatedClock(0)
  await using workflow = new Onboarding({ store: ':memory:', clock })
  const { id } = await workflow.start('onboarding')
  await until(workflow, id, 'wait')
  await clock.setWall(4 * 24 * 3_600_000)
  assert.equal((await workflow.wait(id)).status, 'completed')
})

test('workflows that share a clock are all waited for', async () => {
  const clock = new SimulatedClock()
  await using first = new Onboarding({ store: ':memory:', clock })
  await using second = new Onboarding({ store: ':memory:', clock })
  for (const workflow of [first, second]) {
    const { id } = await workflow.start('onboarding')
    await until(workflow, id, 'wait')
  }
  await clock.advance('3d')
  assert.deepEqual([first.sent, second.sent], [['welcome', 'tips'], ['welcome', 'tips']])
  await first.close()
  await clock.advance('1d')
})

test('what is no span or instant is refused', async () => {
  const clock = new SimulatedClock()
  for (const span of ['soon', '', -1, NaN, Infinity, null] as string[]) {
    await assert.rejects(clock.advance(span), { name: 'WorkflowError', code: 'invalid_request' })
  }
  await assert.rejects(clock.setWall(NaN), { code: 'invalid_request' })
  assert.throws(() => new SimulatedClock('now' as unknown as number), { code: 'invalid_request' })
})
