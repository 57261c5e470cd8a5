/**
 * Definitions whose step ids the compiler knows.
 *
 * `register` and `defineWorkflow` infer the ids of the steps, so that `dependsOn: ['validat']` is a compile error that names the
 * valid ones, and editors offer them. This finds what a compiler can find; the engine checks everything else in `register`.
 * What a step sees of the others is in `state.ts`.
 */

import type { WorkflowDefinition, WorkflowOutline, WorkflowStep } from './definition.js'

/** What `register` and `defineWorkflow` take. A plain `WorkflowDefinition`, from JSON or built by a program, is one too. */
export interface Definable<
  StepId extends string,
  Steps extends WorkflowStep<StepId>[],
  Context extends Record<string, unknown> = Record<string, unknown>
> extends WorkflowOutline {
  /** At least one, each with an id of its own. Their order does not matter. */
  steps: CheckedSteps<StepId, Steps>
  /** The state that every execution begins with; its input and the outputs of its steps come on top. */
  context?: Context
}

/** A definition whose steps and context the compiler knows as they were written. */
export interface DefinedWorkflow<Steps extends WorkflowStep[], Context extends Record<string, unknown> = Record<string, unknown>>
  extends WorkflowDefinition<Steps[number]['id']> {
  steps: Steps
  context?: Context
}

/**
 * A definition for `register`, kept as it was written, so that `StateOf` knows what its steps see.
 *
 * @example
 * const order = defineWorkflow({
 *   id: 'order-processing',
 *   steps: [
 *     { id: 'validate', action: 'validatePayment' },
 *     { id: 'charge', action: 'chargeCard', dependsOn: ['validate'] }
 *   ]
 * })
 * await workflow.register(order)
 */
export function defineWorkflow<
  StepId extends string,
  const Steps extends WorkflowStep<StepId>[],
  Context extends Record<string, unknown> = {}
>(definition: Definable<StepId, Steps, Context>): DefinedWorkflow<Steps, Context> {
  // `CheckedSteps` is `Steps`, but for what was an error at the call.
  return definition as unknown as DefinedWorkflow<Steps, Context>
}

// `Steps` stands in a branch that is never taken: the compiler infers it from there (each step as it was written), while errors
// and completions speak of `WorkflowStep<StepId>[]` alone.
type CheckedSteps<StepId extends string, Steps extends WorkflowStep<StepId>[]> = [Repeated<Steps>] extends [never]
  ? [Steps] extends [never]
    ? Steps
    : WorkflowStep<StepId>[]
  : `two steps have the id \`${Repeated<Steps>}\``

/** The first id that an earlier step has too. */
type Repeated<Steps extends WorkflowStep[], Seen = never> = Steps extends [
  infer Step extends WorkflowStep,
  ...infer Rest extends WorkflowStep[]
]
  ? Step['id'] extends Seen
    ? Step['id']
    : Repeated<Rest, Seen | Step['id']>
  : never
