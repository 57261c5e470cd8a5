/**
 * Definitions whose step ids the compiler knows.
 *
 * `register` and `defineWorkflow` infer the ids of the steps, so that `dependsOn: ['validat']` is a compile error that names the
 * valid ones, and editors offer them. This finds what a compiler can find; the engine checks everything else in `register`.
 */

import type { WorkflowDefinition, WorkflowOutline, WorkflowStep } from './definition.js'

/** A definition whose steps and context the compiler knows as they were written. */
export interface DefinedWorkflow<Steps extends WorkflowStep[], Context = unknown> extends WorkflowDefinition<Steps[number]['id']> {
  steps: Steps
  context?: Context & Record<string, unknown>
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
  const StepId extends string,
  const Steps extends WorkflowStep<StepId>[],
  Context extends Record<string, unknown>
>(
  // `Steps` keeps each step as it was written; `WorkflowStep<StepId>[]` is what errors and completions speak of.
  definition: WorkflowOutline & { steps: Steps & WorkflowStep<StepId>[]; context?: Context } & UniqueIds<Steps>
): DefinedWorkflow<Steps, Context> {
  return definition
}

/** Nothing, or what makes `steps` an error that names the id that two steps have. */
type UniqueIds<Steps extends { id: string }[]> = [Repeated<Steps>] extends [never]
  ? unknown
  : { steps: `two steps have the id "${Repeated<Steps>}"` }

/** The first id that an earlier step has too. */
type Repeated<Steps extends { id: string }[], Seen = never> = Steps extends [
  infer Step extends { id: string },
  ...infer Rest extends { id: string }[]
]
  ? Step['id'] extends Seen
    ? Step['id']
    : Repeated<Rest, Seen | Step['id']>
  : never
