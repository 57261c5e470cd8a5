/** What the seed's comparison promises and its own examples do not go through. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { Workflow } from '../src/index.js'
import { SimulatedClock } from '../src/testing.js'
import { folder } from './folder.js'

const DAY = 24 * 60 * 60 * 1000

/** Seven steps, one after the other; each is counted. */
class SevenSteps extends Workflow {
  readonly ran: string[] = []
  broken: string | undefined = 'step-4'

  override async setup(): Promise<void> {
    const step = (number: number) => ({
      id: `step-${number}`,
      action: 'run',
      params: { step: `step-${number}` },
      dependsOn: number === 1 ? [] : [`step-${number - 1}`]
    })
    await this.register({ id: 'seven', steps: [1, 2, 3, 4, 5, 6, 7].map(step) })
  }

  run({ step }: { step: string }): string {
    this.ran.push(step)
    if (step === this.broken) throw new Error(`${step} is broken`)
    return step
  }
}

class Onboarding extends Workflow<{ sent: string[] }> {
  override async setup(): Promise<void> {
    await this.register({
      id: 'onboarding',
      steps: [
        { id: 'welcome', action: 'sendWelcomeEmail' },
        { id: 'wait', action: 'noop', wait: '3d', dependsOn: ['welcome'] },
        { id: 'tips', action: 'sendOnboardingTips', dependsOn: ['wait'] }
      ]
    })
  }

  sendWelcomeEmail(): void {
    this.env.sent.push('welcome')
  }

  sendOnboardingTips(): void {
    this.env.sent.push('tips')
  }
}

test('step 4 of 7 fails: one call goes on from step 4', async () => {
  await using workflow = new SevenSteps({ store: ':memory:' })
  const { id } = await workflow.start('seven')
  const failed = await workflow.wait(id)
  assert.deepEqual([failed.status, failed.error, failed.currentStepIndex], ['failed', 'step-4 is broken', 4])
  assert.deepEqual(workflow.ran.splice(0), ['step-1', 'step-2', 'step-3', 'step-4'])

  workflow.broken = undefined
  await workflow.retry(id)
  assert.equal((await workflow.wait(id)).output, 'step-7')
  assert.deepEqual(workflow.ran, ['step-4', 'step-5', 'step-6', 'step-7'])
})

test('wait 3 days then continue: also when no process runs in between', async (t) => {
  const store = join(folder(t), 'onboarding.db')
  const sent: string[] = []
  const monday = new SimulatedClock()
  const first = new Onboarding({ store, env: { sent }, clock: monday })
  const { id } = await first.start('onboarding')
  for await (const { type } of first.stream(id)) if (type === 'wait') break
  await first.close()

  const wednesday = new SimulatedClock(monday.now() + 2 * DAY)
  const second = new Onboarding({ store, env: { sent }, clock: wednesday })
  assert.equal((await second.status(id))?.status, 'waiting')
  await second.close()
  assert.deepEqual(sent, ['welcome'], 'the welcome is not sent again, and the tips not yet')

  const friday = new SimulatedClock(monday.now() + 4 * DAY)
  await using third = new Onboarding({ store, env: { sent }, clock: friday })
  assert.equal((await third.wait(id)).status, 'completed')
  assert.deepEqual(sent, ['welcome', 'tips'], 'what fell due while nothing ran is done at once')
})

test('what happened: every attempt, why it failed, what was decided and by which values', async () => {
  const clock = new SimulatedClock()
  let answers = 0
  class Checks extends Workflow {
    override async setup(): Promise<void> {
      await this.register({
        id: 'checks',
        steps: [
          { id: 'score', action: 'score', maxRetries: 1 },
          { id: 'review', action: 'noop', condition: 'score.risk >= 0.3', dependsOn: ['score'] }
        ]
      })
    }

    score(): { risk: number } {
      if (answers++ === 0) throw Object.assign(new Error('busy'), { code: 'EBUSY' })
      return { risk: 0.1 }
    }
  }
  await using workflow = new Checks({ store: ':memory:', clock })
  const { id, startedAt } = await workflow.start('checks', { customer: 'cus_456' })
  for await (const { data } of workflow.stream(id)) if (data?.retryAt !== undefined) await clock.advance('1s')

  const history = await workflow.history(id)
  assert.deepEqual(history.map(({ seq }) => seq), history.map((_, index) => index + 1))
  assert.deepEqual(history.map(({ type, stepId, attempt }) => [type, stepId, attempt]), [
    ['start', undefined, undefined],
    ['step_start', 'score', 1],
    ['step_fail', 'score', 1],
    ['step_ready', 'score', undefined],
    ['step_start', 'score', 2],
    ['step_complete', 'score', 2],
    ['step_skip', 'review', undefined],
    ['complete', undefined, undefined]
  ])
  const [start, , failure, , , output, skip] = history.map(({ data }) => data)
  assert.deepEqual(start?.input, { customer: 'cus_456' })
  assert.deepEqual([failure?.error?.message, failure?.error?.code, failure?.retryAt], ['busy', 'EBUSY', startedAt + 1000])
  assert.deepEqual(output?.output, { risk: 0.1 })
  assert.equal(skip?.receipt?.expression, 'score.risk >= 0.3')
  assert.deepEqual([skip?.receipt?.values, skip?.receipt?.result], [{ 'score.risk': 0.1 }, false])
})
