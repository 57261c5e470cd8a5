/** What an editor offers and shows while somebody writes a definition or an action. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import ts from 'typescript'

import { absolute, Editor } from './compiler/program.js'

const HEAD = `
import { defineWorkflow } from '../../src/define.js'
import type { StateOf, WorkflowDefinition } from '../../src/types.js'
import type { Workflow } from '../../src/workflow.js'
declare const workflow: Workflow
`

const editor = new Editor('test/types/editor.ts')
const file = absolute(editor.path)

/** Writes the text, and says where its `‸` is. */
function write(text: string): number {
  editor.text = HEAD + text.replace('‸', '')
  return (HEAD + text).indexOf('‸')
}

/** What is offered at the `‸`. */
function offered(text: string): string[] {
  const { entries = [] } = editor.service.getCompletionsAtPosition(file, write(text), {}) ?? {}
  return entries.filter((entry) => entry.kind !== ts.ScriptElementKind.warning).map((entry) => entry.name).sort()
}

/** What is shown of the name before the `‸`. */
function shown(text: string): { type: string; documentation: string } {
  const info = editor.service.getQuickInfoAtPosition(file, write(text) - 1) ?? assert.fail('nothing is shown')
  return { type: ts.displayPartsToString(info.displayParts), documentation: ts.displayPartsToString(info.documentation) }
}

const calls = {
  register: (steps: string) => `void workflow.register({ id: 'order', steps: [${steps}] })`,
  defineWorkflow: (steps: string) => `defineWorkflow({ id: 'order', steps: [${steps}] })`,
  WorkflowDefinition: (steps: string) => `
    type Steps = 'validate' | 'reserve' | 'charge'
    const order: WorkflowDefinition<Steps> = { id: 'order', steps: [${steps}] }
  `
}

const BEFORE = `
  { id: 'validate', action: 'validatePayment' },
  { id: 'reserve', action: 'reserveInventory', dependsOn: ['validate'] }
`

for (const [name, call] of Object.entries(calls)) {
  describe(name, () => {
    test('offers the steps for `dependsOn`', () => {
      const text = call(`${BEFORE}, { id: 'charge', action: 'chargeCard', dependsOn: ['‸'] }`)
      assert.deepEqual(offered(text), ['charge', 'reserve', 'validate'])
    })

    test('offers them for the second dependency and for half a name', () => {
      const text = call(`${BEFORE}, { id: 'charge', action: 'chargeCard', dependsOn: ['validate', 'res‸'] }`)
      assert.ok(offered(text).includes('reserve'))
    })

    test('offers steps that come later', () => {
      const text = call(`{ id: 'charge', action: 'chargeCard', dependsOn: ['‸'] }, ${BEFORE}`)
      assert.deepEqual(offered(text), ['charge', 'reserve', 'validate'])
    })

    test('offers the steps for `errorBranch`', () => {
      const text = call(`${BEFORE}, { id: 'charge', action: 'chargeCard', onError: 'branch', errorBranch: '‸' }`)
      assert.deepEqual(offered(text), ['charge', 'reserve', 'validate'])
    })

    test('offers the ways to go on after an error', () => {
      const text = call(`${BEFORE}, { id: 'charge', action: 'chargeCard', onError: '‸' }`)
      assert.deepEqual(offered(text), ['branch', 'continue', 'fail', 'retry'])
    })

    test('offers the fields of a step that are not there yet', () => {
      const fields = offered(call(`${BEFORE}, { id: 'charge', action: 'chargeCard', ‸ }`))
      const timing = ['backoff', 'maxRetries', 'maxRetryDelay', 'retryDelay', 'timeout', 'wait']
      const others = ['condition', 'dependsOn', 'errorBranch', 'name', 'onError', 'params', 'sensitive']
      assert.deepEqual(fields, [...timing, ...others].sort())
    })
  })
}

const ACTIONS = `
const order = defineWorkflow({
  id: 'order',
  steps: [
    { id: 'validate', action: 'validatePayment' },
    { id: 'charge', action: 'chargeCard', dependsOn: ['validate'] }
  ]
})
class Actions {
  async validatePayment(params: { orderId: string }) { return { total: 4200, card: params.orderId } }
  async chargeCard(params: { orderId: string }, state: StateOf<typeof order, Actions, 'charge'>) { return BODY }
}
`

describe('StateOf', () => {
  test('offers the steps before', () => assert.deepEqual(offered(ACTIONS.replace('BODY', 'state.‸')), ['validate']))

  test('offers the fields of an output', () => {
    assert.deepEqual(offered(ACTIONS.replace('BODY', 'state.validate.‸')), ['card', 'total'])
  })

  test('is shown as an object', () => {
    const { type } = shown(ACTIONS.replace('BODY', 'state‸'))
    assert.equal(type.replaceAll(/\s+/g, ' '), '(parameter) state: { validate: { total: number; card: string; }; }')
  })
})

describe('what an editor shows', () => {
  test('of a field: its meaning and an example', () => {
    const { documentation } = shown(calls.register(`{ id: 'score', action: 'calculate', wait‸: '3d' }`))
    assert.match(documentation, /before the action runs: `'3d'`/)
  })

  test('of a call: what it answers', () => {
    const { type, documentation } = shown(`void workflow.listExecutions‸({ status: 'failed' })`)
    assert.match(type, /listExecutions\(filters\?: ExecutionFilters\): Promise<ExecutionPage>/)
    assert.match(documentation, /newest first/)
  })
})
