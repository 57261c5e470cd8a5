/**
 * The type tests of `test/types/`: what has to compile compiles, what must not gives the error that a user would read, and every
 * line of them can fail.
 */

import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { describe, test } from 'node:test'

import ts from 'typescript'

import { absolute, type Finding, findings, type Overlay, programOf } from './compiler/program.js'

const FILES = readdirSync(absolute('test/types')).map((name) => `test/types/${name}`)
const text = (file: string) => readFileSync(absolute(file), 'utf8')
const lines = (file: string) => text(file).split('\n')
const places = (found: Finding[]) => found.map(({ file, line }) => `${file}:${line}`)

test('what has to compile compiles, and nothing else does', () => {
  assert.deepEqual(findings(FILES), [])
})

describe('what must not compile says why', () => {
  const DIRECTIVE = /^ *\/\/ @ts-expect-error (?<code>\d+): (?<message>.+)$/
  const overlay: Overlay = Object.fromEntries(FILES.map((file) => [file, text(file).replaceAll('@ts-expect-error', 'expected:')]))
  const found = findings(FILES, overlay)

  for (const file of FILES) {
    for (const [index, line] of lines(file).entries()) {
      if (!line.includes('@ts-expect-error')) continue
      test(`${file}:${index + 1}`, () => {
        const { code, message } = DIRECTIVE.exec(line)?.groups ?? assert.fail('expected `// @ts-expect-error CODE: MESSAGE`')
        const here = found.filter((finding) => finding.file === file && finding.line === index + 2)
        assert.deepEqual(here.map((finding) => finding.code), [Number(code)])
        assert.ok(here[0]?.message.includes(message ?? ''), here[0]?.message)
      })
    }
  }

  test('there is no other error', () => {
    const expected = FILES.flatMap((file) =>
      lines(file).flatMap((line, index) => (line.includes('@ts-expect-error') ? [`${file}:${index + 2}`] : []))
    )
    assert.deepEqual(places(found).sort(), expected.sort())
    assert.ok(expected.length >= 15, 'they are still found')
  })
})

describe('every assertion about a type fails when something else is expected', () => {
  for (const file of FILES) {
    const expected = expectations(file)
    if (expected.length === 0) continue
    test(file, () => {
      // From the end, so that the places before stay where they are; each change stays on its line.
      const changed = expected.reduceRight(
        (text, { start, end }) => {
          const emptyLines = text.slice(start, end).replaceAll(/[^\n]/g, '')
          return `${text.slice(0, start)}{ something: 'else' }${emptyLines}${text.slice(end)}`
        },
        text(file)
      )
      const failed = new Set(places(findings(FILES, { [file]: changed })))
      for (const { line } of expected) assert.ok(failed.has(`${file}:${line}`), `${file}:${line} expects nothing`)
    })
  }

  test('they are still found', () => assert.ok(FILES.flatMap(expectations).length >= 20))
})

/** The second argument of each `Equal`, and the line that an error of it is shown at. */
function expectations(file: string): { start: number; end: number; line: number }[] {
  const found: { start: number; end: number; line: number }[] = []
  const source = ts.createSourceFile(file, text(file), ts.ScriptTarget.ES2022, true)
  const visit = (node: ts.Node): void => {
    if (ts.isTypeReferenceNode(node) && node.typeName.getText() === 'Equal') {
      const expected = node.typeArguments?.[1] ?? assert.fail('`Equal` has two arguments')
      const line = ts.getLineAndCharacterOfPosition(source, node.getStart()).line + 1
      found.push({ start: expected.getStart(), end: expected.getEnd(), line })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Mistakes that somebody could make in the types; the type tests find each. */
const MISTAKES: [file: string, right: string, wrong: string][] = [
  ['src/definition.ts', 'dependsOn?: NoInfer<StepId>[]', 'dependsOn?: StepId[]'],
  ['src/definition.ts', 'dependsOn?: NoInfer<StepId>[]', 'dependsOn?: string[]'],
  ['src/definition.ts', 'errorBranch?: NoInfer<StepId> | (string & {})', 'errorBranch?: NoInfer<StepId>'],
  ['src/definition.ts', 'maxRetries?: number', 'maxRetries?: number | string'],
  ['src/definition.ts', "export type OnError = 'fail'", "export type OnError = string | 'fail'"],
  ['src/definition.ts', '  version: number\n', '  version: number | undefined\n'],
  ['src/define.ts', 'const Steps extends WorkflowStep<StepId>[],\n  Context', 'Steps extends WorkflowStep<StepId>[],\n  Context'],
  ['src/define.ts', '[Repeated<Steps>] extends [never]', 'true extends true'],
  ['src/define.ts', '    ? Steps\n    : WorkflowStep<StepId>[]', '    ? never\n    : WorkflowStep<StepId>[]'],
  ['src/define.ts', '    : WorkflowStep<StepId>[]', '    : Steps'],
  ['src/define.ts', '    : WorkflowStep<StepId>[]', '    : Steps & WorkflowStep<StepId>[]'],
  ['src/define.ts', 'Seen | Step', 'Step'],
  ['src/define.ts', 'Context extends Record<string, unknown> = {}', 'Context extends Record<string, unknown> = Record<string, unknown>'],
  ['src/workflow.ts', '): Promise<Registration>', '): Promise<RegisteredDefinition>'],
  ['src/workflow.ts', 'const Steps extends', 'Steps extends'],
  ['src/state.ts', 'Without<Context, keyof Input | Hidden>', 'Without<Context, Hidden>'],
  ['src/state.ts', '& Without<Input, Hidden>', '& Input'],
  ['src/state.ts', 'Closure<Steps, DependencyOf<StepOf<Steps, Exclude<Found, Seen>>>, Seen | Found>', 'Found'],
  ['src/state.ts', '  | NamerOf<Steps, Id>\n', ''],
  ['src/state.ts', '  | Ancestors<Steps, NamerOf<Steps, Id>>\n', ''],
  ['src/state.ts', "(Step extends { onError: 'continue' } ? never : Id)", 'Id'],
  ['src/state.ts', "{ condition: string } | { onError: 'branch' }", "{ onError: 'branch' }"],
  ['src/state.ts', "{ condition: string } | { onError: 'branch' }", '{ condition: string }'],
  ['src/state.ts', ': { error: StepError }', ': { error?: StepError }'],
  ['src/state.ts', ': { error?: StepError }', ': unknown'],
  ['src/state.ts', 'AsJson<Awaited<Output>>', 'Awaited<Output>'],
  ['src/state.ts', 'AsJson<Awaited<Output>>', 'AsJson<Output>'],
  ['src/state.ts', 'unknown extends Value\n  ? Value', 'unknown extends Value\n  ? never'],
  ['src/state.ts', 'Value extends { toJSON(...args: never[]): infer Json }', 'Value extends { never: infer Json }'],
  ['src/state.ts', "Step extends { action: 'noop' }\n    ? undefined", "Step extends { action: 'noop' }\n    ? unknown"],
  ['src/state.ts', 'Key extends symbol ? never : ', ''],
  ['src/state.ts', 'Value extends (...args: never[]) => unknown ? never : Key', 'Key']
]

describe('a mistake in the types is found', () => {
  for (const [file, right, wrong] of MISTAKES) {
    test(`${file}: ${wrong || `no ${right.trim()}`}`, () => {
      assert.ok(text(file).includes(right), `\`${right}\` is no longer there`)
      const found = findings(FILES, { [file]: text(file).replace(right, wrong) })
      assert.notDeepEqual(places(found), [], 'no type test noticed')
    })
  }
})

test('there is no `any` in the types, but where the README needs it', () => {
  const sources = readdirSync(absolute('src')).filter((name) => name.endsWith('.ts'))
  const program = programOf(sources.map((name) => `src/${name}`))
  const found: string[] = []
  for (const name of sources) {
    const source = program.getSourceFile(absolute(`src/${name}`)) ?? assert.fail(`src/${name} was not compiled`)
    const visit = (node: ts.Node): void => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(`${name}: ${node.parent.getText()}`)
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  const allowed = (line: string) => line.endsWith(': Env = any')
  assert.deepEqual(found.filter((line) => !allowed(line)), [])
})
