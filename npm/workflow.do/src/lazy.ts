/**
 * An execution as it comes from the engine: what nearly everybody looks at is there, and the rest is parsed when somebody looks. So
 * are long outputs in the state that an action gets.
 *
 * Most callers want to know whether it is over, or its id. Its text is several times longer than that, and to parse it would be
 * the most expensive thing that JavaScript does for an execution. So the long fields are accessors: enumerable, writable and
 * deletable like any other field, so that spreading, `JSON.stringify`, `structuredClone`, comparing and assigning work as with a
 * plain object, which its prototype says that it is.
 */

import { inspect } from 'node:util'
import type { WorkflowExecution } from './execution.js'
import { type LongTexts, native } from './native.js'

/** What is parsed at once, in this order. */
export type Head = [
  id: string,
  workflowId: string,
  workflowVersion: number,
  status: WorkflowExecution['status'],
  currentStepIndex: number,
  startedAt: number,
  completedAt: number | null,
  /** It has an output. */
  output: 0 | 1,
  /** What few executions have. */
  rest?: Pick<WorkflowExecution, 'replayOf' | 'parent' | 'error' | 'errorCode' | 'historyTruncated'>
]

type Long = 'triggeredBy' | 'input' | 'state' | 'output' | 'completedSteps' | 'stepResults' | 'history'

/** Not a private field: those are not there for an object that has this one as its prototype, or that is a `Proxy` of it. */
const source = Symbol('source')

interface Source {
  /** Of all, until it is parsed; or where each field comes from. */
  text: string | LongTexts | undefined
  parsed: Partial<WorkflowExecution> | undefined
}

/** `text` is the JSON of the whole execution, or where it comes from. */
export function lazyExecution(head: Head, text: string | LongTexts): WorkflowExecution {
  const [id, workflowId, workflowVersion, status, currentStepIndex, startedAt, completedAt, output, rest] = head
  // In the order in which the engine writes the fields: one hidden class for all executions that have the same ones.
  const execution = { id, workflowId, workflowVersion, status } as WorkflowExecution
  Object.defineProperty(execution, 'triggeredBy', long.triggeredBy)
  if (rest?.replayOf !== undefined) execution.replayOf = rest.replayOf
  if (rest?.parent !== undefined) execution.parent = rest.parent
  Object.defineProperty(execution, 'input', long.input)
  Object.defineProperty(execution, 'state', long.state)
  if (output === 1) Object.defineProperty(execution, 'output', long.output)
  if (rest?.error !== undefined) execution.error = rest.error
  if (rest?.errorCode !== undefined) execution.errorCode = rest.errorCode
  execution.currentStepIndex = currentStepIndex
  Object.defineProperty(execution, 'completedSteps', long.completedSteps)
  Object.defineProperty(execution, 'stepResults', long.stepResults)
  execution.startedAt = startedAt
  if (completedAt !== null) execution.completedAt = completedAt
  Object.defineProperty(execution, 'history', long.history)
  if (rest?.historyTruncated !== undefined) execution.historyTruncated = rest.historyTruncated
  Object.defineProperty(execution, source, { value: { text, parsed: undefined } })
  Object.defineProperty(execution, inspect.custom, shown)
  return execution
}

const long: Record<Long, PropertyDescriptor> = {
  triggeredBy: accessor('triggeredBy'),
  input: accessor('input'),
  state: accessor('state'),
  output: accessor('output'),
  completedSteps: accessor('completedSteps'),
  stepResults: accessor('stepResults'),
  history: accessor('history')
}

function accessor(name: Long): PropertyDescriptor {
  return {
    get(this: { [source]: Source }) {
      const from = this[source]
      if (typeof from.text === 'string') {
        from.parsed = JSON.parse(from.text) as WorkflowExecution
        from.text = undefined
      } else if (from.text !== undefined) {
        from.parsed ??= {}
        if (!(name in from.parsed)) from.parsed[name] = fetched(from.text, name) as never
      }
      return from.parsed?.[name]
    },
    set: assigned(name),
    enumerable: true,
    configurable: true
  }
}

/** Fields that an object has with any value become those that are fetched when somebody looks. Their order stays. */
export function lazyFields(object: object, names: string[], long: LongTexts): void {
  for (const name of names) {
    let field: { value: unknown } | undefined
    Object.defineProperty(object, name, {
      get: () => (field ??= { value: fetched(long, name) }).value,
      set: assigned(name),
      enumerable: true,
      configurable: true
    })
  }
  Object.defineProperty(object, inspect.custom, shown)
}

function fetched(long: LongTexts, name: string): unknown {
  const text = native().textOf(long, name)
  return text === null ? undefined : (JSON.parse(text) as unknown)
}

/** What is assigned is a field like any other. */
function assigned(name: string) {
  return function (this: object, value: unknown): void {
    Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true })
  }
}

/** `console.log` shows accessors as such: it gets a copy without any. */
const shown: PropertyDescriptor = {
  value(this: object) {
    return { ...this }
  },
  writable: true,
  configurable: true
}
