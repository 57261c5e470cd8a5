/**
 * The TypeScript blocks of `testdata/seed/workflow.do.md`, the page that this package was built to make true.
 *
 * Each is run as it stands there, but for the substitutions below. Nothing else in this repository may change a block.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { repository } from '../places.js'
import { type Block, blocks } from './markdown.js'

export const SEED_FILE = join(repository, 'testdata/seed/workflow.do.md')
export const SEED = readFileSync(SEED_FILE, 'utf8')
export const TYPESCRIPT: Block[] = blocks(SEED).filter(({ language }) => language === 'typescript')

export interface Substitution {
  heading: string
  from: string
  to: string
  /** How often `from` stands in the block: no more, no less. */
  times: number
  because: string
}

export const SUBSTITUTIONS: Substitution[] = [
  {
    heading: 'Step 1: Define Your Workflow',
    from: 'state.validate.',
    to: '(state.validate as Validated).',
    times: 2,
    because: 'a field of a `Record<string, unknown>` is `unknown`'
  },
  {
    heading: 'Step 3: Handle Failures Gracefully',
    from: 'await workflow.status(execution.id)',
    to: '(await workflow.status(execution.id))!',
    times: 1,
    because: 'the status of an unknown execution is `null`'
  },
  {
    heading: 'Event-Driven Triggers',
    from: '[...]',
    to: "[{ id: 'greet', action: 'noop' }]",
    times: 1,
    because: 'it stands for steps that are left out'
  }
]

/** Blocks that begin with a definition on its own, which is no statement: it is put into `await workflow.register( )`. */
export const WRAPPED: string[] = [
  'Conditional Branching',
  'Wait States (Days, Not Milliseconds)',
  'Event-Driven Triggers',
  'Resilient Error Handling'
]

/** The block below a heading, as it is run. */
export function block(heading: string, substitutions: Substitution[] = SUBSTITUTIONS): string {
  const below = TYPESCRIPT.filter((block) => block.heading === heading)
  if (below.length !== 1) throw new Error(`${below.length} TypeScript blocks below "${heading}": expected one`)
  let text = below[0]?.text ?? ''
  for (const { from, to, times } of substitutions.filter((substitution) => substitution.heading === heading)) {
    const found = text.split(from).length - 1
    if (found !== times) throw new Error(`\`${from}\` stands ${found} times below "${heading}": expected ${times}`)
    text = text.replaceAll(from, to)
  }
  return WRAPPED.includes(heading) ? wrapped(heading, text) : text
}

function wrapped(heading: string, text: string): string {
  const end = text.indexOf('\n}\n') + 2
  if (!text.startsWith('{\n') || end === 1) throw new Error(`the block below "${heading}" begins with no object`)
  return `await workflow.register(${text.slice(0, end)})\n${text.slice(end)}`
}
