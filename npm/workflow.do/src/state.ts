/**
 * The type of an action's second argument, from what the actions before it return.
 *
 * A step sees the outputs of the steps that it depends on, directly or not. The types follow `docs/semantics.md` §3 and §4 and
 * err on the safe side: an output is required only if no course of events lets the step run without it.
 */

import type { DefinedWorkflow } from './define.js'
import type { WorkflowStep } from './definition.js'
import type { StepError } from './execution.js'

/**
 * What an action of a workflow sees as `state`: the definition's `context`, the input, and the outputs of the steps before it.
 *
 * With a step's id it is what that step sees. An output that can be missing, because its step can be skipped or fail while this
 * one still runs, is optional. Without a step's id, for an action that several steps share, every output is optional.
 *
 * @example
 * class OrderWorkflow extends Workflow<Env> {
 *   async validatePayment(params: Order) {
 *     return { total: 4200 }
 *   }
 *   async chargeCard(params: Order, state: StateOf<typeof order, OrderWorkflow, 'charge'>) {
 *     return await this.env.STRIPE.charges.create({ amount: state.validate.total })
 *   }
 * }
 *
 * @typeParam Definition `typeof` what `defineWorkflow` gave
 * @typeParam Actions the class whose methods are the actions
 * @typeParam StepId the step that the action runs for
 * @typeParam Input what executions are started with; without it the state has no fields of the input
 */
export type StateOf<
  Definition extends DefinedWorkflow<WorkflowStep[]>,
  Actions,
  StepId extends Definition['steps'][number]['id'] = never,
  Input = unknown
> = [StepId] extends [never]
  ? StateOfAny<Definition['steps'], NonNullable<Definition['context']>, Actions, Input>
  : StateOfOne<Definition['steps'], NonNullable<Definition['context']>, Actions, StepId, Input>

type StateOfAny<Steps extends WorkflowStep[], Context, Actions, Input> = Flat<
  Beneath<Context, Input, IdOf<Steps> | 'error'> & { [Id in IdOf<Steps>]?: OutputOf<StepOf<Steps, Id>, Actions> } & {
    error?: unknown
  }
>

type StateOfOne<Steps extends WorkflowStep[], Context, Actions, StepId extends string, Input> = Flat<
  Beneath<Context, Input, IdOf<Steps> | keyof ErrorOf<Steps, StepId>> & {
    [Id in Extract<Required<Steps, StepId>, string>]: OutputOf<StepOf<Steps, Id>, Actions>
  } & {
    [Id in Exclude<Visible<Steps, StepId>, Required<Steps, StepId>>]?: OutputOf<StepOf<Steps, Id>, Actions>
  } & ErrorOf<Steps, StepId>
>

/** Input over context, without the names that mean something else. */
type Beneath<Context, Input, Hidden> = Without<Context, keyof Input | Hidden> & Without<Input, Hidden>

/** `Omit`, which keeps the known keys of a type that has an index signature too. */
type Without<From, Keys> = { [Key in keyof From as Key extends Keys ? never : Key]: From[Key] }

/** One object, for people who read it in an editor. */
type Flat<Parts> = { [Key in keyof Parts]: Parts[Key] } & {}

/** A target, and what comes after it, sees the failure that branched to it. */
type ErrorOf<Steps extends WorkflowStep[], StepId> = [NamerOf<Steps, StepId>] extends [never]
  ? [NamerOf<Steps, Ancestors<Steps, StepId>>] extends [never]
    ? unknown
    : { error?: StepError }
  : { error: StepError }

// Outputs

/** What an action gives, as it is after it was JSON. */
type OutputOf<Step, Actions> = Step extends { action: infer Name extends keyof Actions }
  ? Actions[Name] extends (...args: never[]) => infer Output
    ? AsJson<Awaited<Output>>
    : unknown
  : Step extends { action: 'noop' }
    ? undefined
    : unknown

type AsJson<Value> = unknown extends Value
  ? Value
  : Value extends string | number | boolean | null
    ? Value
    : Value extends void | undefined | symbol | ((...args: never[]) => unknown)
      ? undefined
      : Value extends { toJSON(...args: never[]): infer Json }
        ? AsJson<Json>
        : Value extends readonly unknown[]
          ? { [Index in keyof Value]: AsJson<Value[Index]> }
          : Value extends object
            ? { [Key in keyof Value as JsonKey<Key, Value[Key]>]: AsJson<Value[Key]> }
            : never

type JsonKey<Key, Value> = Key extends symbol ? never : Value extends (...args: never[]) => unknown ? never : Key

// Which steps a step sees

type IdOf<Steps extends WorkflowStep[]> = Steps[number]['id']
type StepOf<Steps extends WorkflowStep[], Id> = Extract<Steps[number], { id: Id }>
type DependencyOf<Step> = Step extends { dependsOn: infer Ids extends string[] } ? Ids[number] : never

/** The steps whose `errorBranch` is this one. */
type NamerOf<Steps extends WorkflowStep[], Id> = [Id] extends [never] ? never : Extract<Steps[number], { errorBranch: Id }>['id']

type Ancestors<Steps extends WorkflowStep[], Id> = Closure<Steps, DependencyOf<StepOf<Steps, Id>>>

// A loop over the levels of the graph, not a recursion into it: long chains of steps stay within the compiler's depth.
type Closure<Steps extends WorkflowStep[], Found, Seen = never> = [Exclude<Found, Seen>] extends [never]
  ? Seen
  : Closure<Steps, DependencyOf<StepOf<Steps, Exclude<Found, Seen>>>, Seen | Found>

/** Its ancestors, and for a target the steps that name it and theirs. */
type Visible<Steps extends WorkflowStep[], Id> =
  | Ancestors<Steps, Id>
  | NamerOf<Steps, Id>
  | Ancestors<Steps, NamerOf<Steps, Id>>

type Required<Steps extends WorkflowStep[], Id> =
  Facts<Steps> extends infer All
    ? Fact<All, Id> extends { sure: infer Sure }
      ? Extract<Sure, Visible<Steps, Id>>
      : never
    : never

// Which outputs a step surely has

/** What holds of a step whenever it runs. */
interface FactOf<Id, Sure, Through, Unskippable> {
  id: Id
  /** Steps that have completed when it is considered. */
  sure: Sure
  /** Steps that have completed when it has ended and does not count as skipped. */
  through: Through
  /** It never counts as skipped. */
  unskippable: Unskippable
}

type Fact<All, Id> = Extract<All, { id: Id }>

/** The facts of all steps, worked out level by level: each step after those that it depends on and those that name it. */
type Facts<
  Steps extends WorkflowStep[],
  Todo = IdOf<Steps>,
  Known = never
> = ReadyOf<Steps, Steps[number], Todo> extends infer Ready
  ? [Ready] extends [never]
    ? Known
    : Facts<Steps, Exclude<Todo, Ready>, Known | FactsOf<Steps, Ready, Known>>
  : never

type ReadyOf<Steps extends WorkflowStep[], Step, Todo> = Step extends { id: infer Id extends Todo }
  ? [Extract<DependencyOf<Step> | NamerOf<Steps, Id>, Todo>] extends [never]
    ? Id
    : never
  : never

type FactsOf<Steps extends WorkflowStep[], Id, Known> = Id extends string
  ? FactOfStep<StepOf<Steps, Id>, Id, NamerOf<Steps, Id>, Known>
  : never

type FactOfStep<Step, Id, Namer, Known> = SureOf<Step, Namer, Known> extends infer Sure
  ? FactOf<
      Id,
      Sure,
      Sure | (Step extends { onError: 'continue' } ? never : Id),
      Step extends { condition: string } | { onError: 'branch' }
        ? false
        : [Namer] extends [never]
          ? [DependencyOf<Step>] extends [never]
            ? true
            : [Unskippable<DependencyOf<Step>, Known>] extends [never]
              ? false
              : true
          : false
    >
  : never

type Unskippable<Id, Known> = Extract<Known, { id: Id; unskippable: true }>

/** A target runs when a step that names it has failed, any other when a dependency does not count as skipped. */
type SureOf<Step, Namer, Known> =
  | ThroughOf<Unskippable<DependencyOf<Step>, Known>>
  | ([Namer] extends [never] ? Common<ThroughsOf<Fact<Known, DependencyOf<Step>>>> : Common<SuresOf<Fact<Known, Namer>>>)

type ThroughOf<Facts> = Facts extends { through: infer Through } ? Through : never
type ThroughsOf<Facts> = Facts extends { through: infer Through } ? (of: Through) => void : never
type SuresOf<Facts> = Facts extends { sure: infer Sure } ? (of: Sure) => void : never

/** What is in each of these. */
type Common<Sets> = [Sets] extends [never] ? never : [Sets] extends [(of: infer In) => void] ? In : never
