/**
 * `StateOf` against the engine: which outputs a step sees, and which of them it can lack. For random workflows, what the types
 * say is compared with what `register` refuses (an output that is out of sight) and warns of (one that can be missing).
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import ts from 'typescript'

import { type Diagnostic, Workflow, type WorkflowDefinition, WorkflowError, type WorkflowStep } from '../src/index.js'
import { absolute, programOf } from './compiler/program.js'

const WORKFLOWS = 60
const FILE = 'test/types/random.ts'

/** The same numbers every time (mulberry32). */
function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** A workflow of 3 to 7 steps, with every way to be skipped and to fail. */
function workflow(seed: number): WorkflowDefinition {
  const below = random(seed)
  const count = 3 + below(5)
  const steps: WorkflowStep[] = []
  for (let index = 0; index < count; index++) {
    const step: WorkflowStep = { id: `s${index}`, action: 'noop' }
    const before = steps.map(({ id }) => id).filter(() => below(5) < 2)
    if (before.length > 0) step.dependsOn = before
    if (below(4) === 0) step.condition = 'input.maybe'
    const policy = below(6)
    if (policy === 0) step.onError = 'continue'
    if (policy === 1) Object.assign(step, { onError: 'branch', errorBranch: 'another-workflow' })
    // Only to later steps: no cycles.
    if (policy === 2 && index < count - 1) {
      Object.assign(step, { onError: 'branch', errorBranch: `s${index + 1 + below(count - index - 1)}` })
    }
    steps.push(step)
  }
  // The order in a definition means nothing.
  if (below(2) === 0) steps.reverse()
  return { id: `random-${seed}`, steps }
}

/** By step: what it sees, and whether it may be missing. */
type Sees = Map<string, Map<string, 'surely' | 'perhaps'>>

function typesOf(definitions: WorkflowDefinition[]): Sees[] {
  const lines = definitions.flatMap(({ id, steps }, index) => [
    `const w${index} = defineWorkflow(${JSON.stringify({ id, steps })})`,
    ...steps.map((step) => `export type W${index}_${step.id} = StateOf<typeof w${index}, {}, '${step.id}'>`)
  ])
  const head = `import { defineWorkflow } from '../../src/define.js'\nimport type { StateOf } from '../../src/types.js'\n`
  const program = programOf([FILE], { [FILE]: head + lines.join('\n') })
  const source = program.getSourceFile(absolute(FILE)) ?? assert.fail('it was not compiled')
  assert.deepEqual(program.getSemanticDiagnostics(source).map(({ messageText }) => messageText), [])
  const checker = program.getTypeChecker()
  const sees: Sees[] = definitions.map(() => new Map())
  for (const statement of source.statements.filter(ts.isTypeAliasDeclaration)) {
    const [, index, step] = /^W(\d+)_(.+)$/.exec(statement.name.text) ?? assert.fail()
    const fields = checker.getTypeAtLocation(statement).getProperties()
    const outputs = fields.filter(({ name }) => name !== 'error')
    const flags = outputs.map(({ name, flags }) => [name, flags & ts.SymbolFlags.Optional ? 'perhaps' : 'surely'] as const)
    sees[Number(index)]?.set(step ?? '', new Map(flags))
  }
  return sees
}

/** What the engine says about steps that read these outputs of others. */
async function findingsOf(
  engine: Workflow,
  definition: WorkflowDefinition,
  reads: (step: string) => string[]
): Promise<Diagnostic[]> {
  const steps = definition.steps.map((step) => ({
    ...step,
    params: Object.fromEntries(reads(step.id).map((read) => [read, `$.${read}.field`]))
  }))
  try {
    return (await engine.register({ ...definition, steps })).diagnostics
  } catch (error) {
    if (error instanceof WorkflowError && error.diagnostics) return error.diagnostics
    throw error
  }
}

/** The reader and what it reads, of a finding about one of these params. */
function readOf(definition: WorkflowDefinition, { pointer }: Diagnostic): string {
  const [, reader, read] = /^\/steps\/(\d+)\/params\/(\w+)/.exec(pointer) ?? assert.fail(pointer)
  return `${definition.steps[Number(reader)]?.id} reads ${read}`
}

test('a step sees what the engine lets it read, and may lack what the engine warns of', async () => {
  await using engine = new Workflow({ store: ':memory:' })
  const definitions = Array.from({ length: WORKFLOWS }, (_, seed) => workflow(seed))
  const types = typesOf(definitions)
  const found = { seen: 0, outOfSight: 0, lacking: 0, cautious: 0 }

  for (const [index, definition] of definitions.entries()) {
    const sees = types[index] as Sees
    const about = JSON.stringify(definition)
    const all = definition.steps.map(({ id }) => id)
    const seen = (step: string) => [...(sees.get(step)?.keys() ?? [])]

    // Everything in sight, and nothing else.
    const others = (step: string) => all.filter((read) => read !== step)
    const hidden = (step: string) => others(step).filter((read) => !seen(step).includes(read))
    const outOfSight = all.flatMap((step) => hidden(step).map((read) => `${step} reads ${read}`))
    const everything = await findingsOf(engine, definition, others)
    const refused = everything.filter(({ severity }) => severity === 'error').map((finding) => readOf(definition, finding))
    assert.deepEqual(refused.sort(), outOfSight.sort(), about)

    // What can be missing is optional.
    const findings = await findingsOf(engine, definition, seen)
    assert.deepEqual(findings.filter(({ severity }) => severity === 'error'), [], about)
    const warnings = findings.filter(({ code }) => code === 'read_can_be_missing')
    const warned = new Set(warnings.map((finding) => readOf(definition, finding)))
    for (const step of all) {
      for (const [read, certainty] of sees.get(step) ?? []) {
        const warning = warned.has(`${step} reads ${read}`)
        if (warning) assert.equal(certainty, 'perhaps', `${step} may lack ${read}: ${about}`)
        else if (certainty === 'perhaps') found.cautious++
        found.seen++
        if (warning) found.lacking++
      }
    }
    found.outOfSight += outOfSight.length
  }

  // The types are rarely more cautious than they have to be, and the workflows were not all alike.
  assert.ok(found.cautious * 20 < found.seen, JSON.stringify(found))
  assert.ok(found.lacking > 50 && found.outOfSight > 100 && found.seen - found.lacking > 50, JSON.stringify(found))
})
