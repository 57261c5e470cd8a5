/**
 * An execution as it comes from the engine: what nearly everybody looks at is there, and the rest is parsed when somebody looks.
 *
 * Most callers want to know whether it is over, or its id. Its text is several times longer than that, and to parse it would be
 * the most expensive thing that JavaScript does for an execution. So the long fields are accessors: enumerable, writable and
 * deletable like any other field, so that spreading, `JSON.stringify`, `structuredClone`, comparing and assigning work as with a
 * plain object, which its prototype says that it is.
 */

import { inspect } from 'node:util'
import type { WorkflowExecution } from './execution.js'

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
  /** Until it is parsed. */
  text: string | undefined
  parsed: WorkflowExecution | undefined
}

/** `text` is the JSON of the whole execution. */
export function lazyExecution(head: Head, text: string): WorkflowExecution {
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
      if (from.parsed === undefined) {
        from.parsed = JSON.parse(from.text as string) as WorkflowExecution
        from.text = undefined
      }
      return from.parsed[name]
    },
    set(this: object, value: unknown) {
      Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true })
    },
    enumerable: true,
    configurable: true
  }
}

/** `console.log` shows accessors as such: it gets a copy without any. */
const shown: PropertyDescriptor = {
  value(this: WorkflowExecution) {
    return { ...this }
  },
  writable: true,
  configurable: true
}
