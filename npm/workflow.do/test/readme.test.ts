/**
 * The README, and what is TypeScript in that of the repository: every example is compiled strictly and run in a process of its own,
 * and prints what the comments say; every row of the seed's tables has a test that exists.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { Workflow } from '../src/index.js'
import { mistakes, type Programs, Project } from './compiler/project.js'
import { packageRoot, repository } from './places.js'
import { testNames } from './readme/names.js'
import { SERVICES } from './readme/services.js'
import { API, members, TYPES } from './seed/api.js'
import { SEED } from './seed/blocks.js'
import { type Block, blocks, tables } from './seed/markdown.js'

const README = readFileSync(join(packageRoot, 'README.md'), 'utf8')
const BLOCKS = blocks(README)

/** What the compiler refuses, as the README says. */
const REFUSED = BLOCKS.filter(({ language }) => language === 'ts no-compile')

const EXAMPLES = examples(BLOCKS)
/** Those of the repository's README are no part of the package's. */
const OTHERS = examples(blocks(readFileSync(join(repository, 'README.md'), 'utf8')))

/** Programs by the name in their first line. */
function examples(blocks: Block[]): Programs {
  const named = blocks.filter(({ language }) => language === 'ts').map(({ text, line }) => {
    const [, name] = /^\/\/ (\S+\.ts)\n/.exec(text) ?? assert.fail(`line ${line}: expected \`// name.ts\``)
    return [name, text] as const
  })
  assert.equal(new Set(named.map(([name]) => name)).size, named.length, 'two examples have the same name')
  return Object.fromEntries(named)
}

/** Full-line comments right below what prints: `console.log(...)`, or the end of a block with one. */
function printed(text: string): string[] {
  const found: string[] = []
  let isBelow = false
  for (const line of text.split('\n')) {
    if (isBelow && line.startsWith('// ')) found.push(line.slice('// '.length))
    else isBelow = line.includes('console.log(') || line === '}'
  }
  return found
}

/** Where the examples say that a server listens, one does. */
async function withServer(t: TestContext, programs: Programs): Promise<Programs> {
  const server = new Workflow({ store: ':memory:' })
  t.after(() => server.close())
  const { url } = await server.serve({ port: 0 })
  return Object.fromEntries(Object.entries(programs).map(([name, text]) => [name, text.replaceAll('http://127.0.0.1:4747', url)]))
}

/** Runs one of them, and compares what it prints. */
async function run(t: TestContext, name: string, programs: Programs): Promise<void> {
  const project = new Project(t, await withServer(t, programs))
  if (name.endsWith('.test.ts')) {
    assert.match(await project.run(name, '--test', '--test-reporter=tap'), /^# pass 1$/m)
  } else {
    const expected = printed(programs[name] ?? '')
    assert.ok(expected.length > 0, 'it prints nothing')
    assert.deepEqual((await project.run(name)).trimEnd().split('\n'), expected)
  }
}

describe('every example runs and prints what it says', () => {
  const programs = { ...EXAMPLES, 'services.ts': SERVICES }
  // `order.ts` is what the others import.
  for (const name of Object.keys(EXAMPLES).filter((name) => name !== 'order.ts')) test(name, (t) => run(t, name, programs))
  for (const name of Object.keys(OTHERS)) test(`the repository's ${name}`, (t) => run(t, name, OTHERS))

  test('there is nothing else that looks like TypeScript', () => {
    const others = BLOCKS.filter(({ language }) => !['ts', 'ts no-compile', 'bash'].includes(language))
    assert.deepEqual(others, [])
    assert.ok(Object.keys(EXAMPLES).length >= 10 && Object.keys(OTHERS).length >= 1)
  })
})

test('what is said not to compile does not, with the error that is shown', () => {
  assert.equal(REFUSED.length, 1)
  for (const { text } of REFUSED) {
    const [, code, message] = /^\/\/ error TS(\d+): (.+)$/m.exec(text) ?? assert.fail('no error is shown')
    const program = `import type { Workflow } from 'workflow.do'\ndeclare const workflow: Workflow\n${text}`
    const found = mistakes({ 'refused.ts': program }).map(({ code, message }) => ({ code, message }))
    assert.deepEqual(found, [{ code: Number(code), message }])
  }
})

test('the types that comments show are those that are inferred', () => {
  const text = EXAMPLES['typed.ts'] ?? assert.fail()
  const [comment, type] = /^ *\/\/ state: (.+)$/m.exec(text) ?? assert.fail('no type is shown')
  const checked = (type: string) => {
    const same = `const same: ${type} = state; const back: typeof state = same`
    return mistakes({ 'typed.ts': text.replace(comment, same) }).length
  }
  assert.equal(checked(type ?? ''), 0)
  assert.notEqual(checked((type ?? '').replace('coupon?:', 'coupon:')), 0)
})

describe('what is promised is shown', () => {
  const promised = tables(README).filter(({ heading }) => heading === 'What is promised, and the test that shows it')
  const rows = promised.flatMap(({ rows }) => rows)

  test('every row of the comparison is there', () => {
    const [comparison] = tables(SEED)
    assert.deepEqual(comparison?.head, ['Your Problem', 'Manual Code', 'workflow.do'])
    const expected = comparison.rows.map(([problem, , answer]) => [problem, answer])
    assert.ok(expected.length >= 6)
    assert.deepEqual(promised[0]?.rows.map(([problem, answer]) => [problem, answer]), expected)
  })

  test('every call and every type of the API reference is there', () => {
    assert.deepEqual(promised[1]?.rows.map(([call]) => call), members(API).map(({ name }) => `\`${name}\``))
    const declared = [...`${API}\n${TYPES}`.matchAll(/^(?:class|interface) .+(?= \{$)/gm)].map(([line]) => `\`${line}\``)
    assert.deepEqual(promised[2]?.rows.map(([type]) => type), declared)
  })

  for (const row of rows) {
    test(`${row[0]}`, () => {
      const shown = [...(row.at(-1) ?? '').matchAll(/`(\S+\.test\.ts)`: "(.+?)"(?=;|$)/g)]
      assert.ok(shown.length > 0, 'it names no test')
      for (const [, file = '', name = ''] of shown) assert.ok(testNames(file).has(name), `there is no test "${name}" in ${file}`)
    })
  }
})
