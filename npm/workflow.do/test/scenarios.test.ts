/** Every file of `testdata/scenarios` through the addon: registered, started and steered from TypeScript, with actions in JavaScript. */

import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { repository } from './places.js'
import { carryOut, type Scenario } from './scenarios/home.js'

const folder = join(repository, 'testdata/scenarios')

/** What cannot be carried out, or not be seen, from JavaScript. */
const SKIPPED: Record<string, string> = {
  'pause-holds-everything': 'it interrupts one of two attempts in flight; a process that dies loses both',
}

/** Attempts that begin when the script says so: who may take up a step, and when, is not for users of the addon to say. */
const isSteered = (scenario: Scenario) => scenario.slots === 'none'

const only = process.env.SCENARIO ?? ''
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.json') && file !== 'elsewhere.json')
  .map((file) => file.slice(0, -'.json'.length))

for (const name of names.filter((name) => name.includes(only))) {
  const scenario = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Scenario
  const skip = SKIPPED[name] ?? (isSteered(scenario) ? 'its attempts begin one by one' : false)
  test(`${name}: ${scenario.about}`, { skip }, async () => {
    assert.deepEqual(await carryOut(scenario), [])
  })
}

test('what is skipped is there', () => {
  for (const name of Object.keys(SKIPPED)) assert.ok(names.includes(name), `\`${name}\` is no scenario`)
})
