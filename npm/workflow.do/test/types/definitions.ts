/** What `register` and `defineWorkflow` take, what they infer, and what is a compile error. */

import { defineWorkflow } from '../../src/define.js'
import type { DefinedWorkflow } from '../../src/define.js'
import type { Registration, WorkflowDefinition, WorkflowStep } from '../../src/types.js'
import type { Workflow } from '../../src/workflow.js'
import type { Equal, Expect } from './expect.js'

declare const workflow: Workflow
declare const plain: WorkflowDefinition
declare const steps: WorkflowStep[]
declare const names: string[]

// A definition is kept as it was written.
const order = defineWorkflow({
  id: 'order-processing',
  name: 'Process Customer Order',
  context: { currency: 'EUR', attempts: 3 },
  steps: [
    { id: 'validate', action: 'validatePayment' },
    { id: 'charge', action: 'chargeCard', dependsOn: ['validate'], maxRetries: 3 }
  ]
})
const withoutContext = defineWorkflow({ id: 'greet', steps: [{ id: 'hello', action: 'say' }] })

export type Inferred = [
  Expect<
    Equal<
      typeof order,
      DefinedWorkflow<
        [
          { readonly id: 'validate'; readonly action: 'validatePayment' },
          { readonly id: 'charge'; readonly action: 'chargeCard'; readonly dependsOn: ['validate']; readonly maxRetries: 3 }
        ],
        { currency: string; attempts: number }
      >
    >
  >,
  Expect<Equal<typeof withoutContext, DefinedWorkflow<[{ readonly id: 'hello'; readonly action: 'say' }], {}>>>,
  Expect<Equal<(typeof order.steps)[number]['id'], 'validate' | 'charge'>>
]

export async function registers() {
  const registration = await workflow.register(order)
  const again = await workflow.register(registration)
  const read = await workflow.getDefinition('order-processing')
  if (read) await workflow.register(read)

  await workflow.register(plain)
  await workflow.register(JSON.parse('{}'))
  await workflow.register(JSON.parse('{}') as WorkflowDefinition)
  await workflow.register({ id: 'listed', steps })
  await workflow.register({ id: 'mapped', steps: names.map((name) => ({ id: name, action: 'run', dependsOn: names })) })
  await workflow.register({ id: 'longer', steps: [...steps, { id: 'last', action: 'run', dependsOn: names }] })
  await workflow.register({ id: 'combined', steps: [...order.steps, { id: 'last', action: 'run', dependsOn: ['charge'] }] })

  return [registration, again] satisfies Registration[]
}

export type Answers = [
  Expect<Equal<Awaited<ReturnType<typeof workflow.register>>, Registration>>,
  Expect<Equal<Registration['version'], number>>,
  Expect<Equal<WorkflowDefinition['version'], number | undefined>>
]

// A definition in a variable is checked, too.
const typed: WorkflowDefinition<'a' | 'b'> = {
  id: 'typed',
  steps: [
    { id: 'a', action: 'run' },
    { id: 'b', action: 'run', dependsOn: ['a'] }
  ]
}
void workflow.register(typed)

// A dependency that is no step.
void workflow.register({
  id: 'unknown-dependency',
  steps: [
    { id: 'validate', action: 'validatePayment' },
    // @ts-expect-error 2820: Type '"validat"' is not assignable to type '"validate" | "charge"'. Did you mean '"validate"'?
    { id: 'charge', action: 'chargeCard', dependsOn: ['validat'] }
  ]
})
defineWorkflow({
  id: 'unknown-dependency',
  steps: [
    { id: 'validate', action: 'validatePayment' },
    // @ts-expect-error 2820: Type '"validat"' is not assignable to type '"validate" | "charge"'. Did you mean '"validate"'?
    { id: 'charge', action: 'chargeCard', dependsOn: ['validat'] }
  ]
})
void workflow.register({
  id: 'among-others',
  // @ts-expect-error 2322: Type '"nothing"' is not assignable to type '"validate" | "charge" | "last"'.
  steps: [...order.steps, { id: 'last', action: 'run', dependsOn: ['charge', 'nothing'] }]
})

// In a function of one's own.
declare function registerTwice<StepId extends string>(definition: WorkflowDefinition<StepId>): void
registerTwice({
  id: 'unknown-dependency',
  steps: [
    { id: 'validate', action: 'validatePayment' },
    // @ts-expect-error 2820: Type '"validat"' is not assignable to type '"validate" | "charge"'. Did you mean '"validate"'?
    { id: 'charge', action: 'chargeCard', dependsOn: ['validat'] }
  ]
})

// The order of the steps does not matter.
void workflow.register({
  id: 'backwards',
  steps: [
    { id: 'second', action: 'run', dependsOn: ['first'] },
    { id: 'first', action: 'run' }
  ]
})

// An error branch may be a workflow of its own.
void workflow.register({
  id: 'branches',
  steps: [
    { id: 'risky', action: 'run', onError: 'branch', errorBranch: 'rescue' },
    { id: 'rescue', action: 'run', onError: 'branch', errorBranch: 'notify-admin' }
  ]
})

// Two steps with one id.
void workflow.register({
  id: 'twice',
  // @ts-expect-error 2322: is not assignable to type '"two steps have the id `a`"'.
  steps: [
    { id: 'a', action: 'run' },
    { id: 'b', action: 'run' },
    { id: 'a', action: 'run', dependsOn: ['b'] }
  ]
})
defineWorkflow({
  id: 'twice',
  // @ts-expect-error 2322: is not assignable to type '"two steps have the id `a`"'.
  steps: [
    { id: 'a', action: 'run' },
    { id: 'a', action: 'run' }
  ]
})

// Typing errors in names and values.
void workflow.register({
  id: 'misspelt',
  steps: [
    { id: 'a', action: 'run' },
    // @ts-expect-error 2561: 'dependOn' does not exist in type 'WorkflowStep<"a" | "b">'. Did you mean to write 'dependsOn'?
    { id: 'b', action: 'run', dependOn: ['a'] }
  ]
})
void workflow.register({
  id: 'misspelt',
  // @ts-expect-error 2561: 'trigger' does not exist in type 'Definable<"a", [{ readonly id: "a"; readonly action: "run"; }], Record<string, unknown>>'. Did you mean to write 'triggers'?
  trigger: [{ event: 'Customer.created' }],
  steps: [{ id: 'a', action: 'run' }]
})
void workflow.register({
  id: 'misspelt',
  // @ts-expect-error 2820: Type '"retyr"' is not assignable to type 'OnError'. Did you mean '"retry"'?
  steps: [{ id: 'a', action: 'run', onError: 'retyr' }]
})
// @ts-expect-error 2741: Property 'action' is missing in type '{ id: "a"; }' but required in type 'WorkflowStep<"a">'.
void workflow.register({ id: 'incomplete', steps: [{ id: 'a' }] })
// @ts-expect-error 2345: Property 'steps' is missing
void workflow.register({ id: 'incomplete' })
// @ts-expect-error 2322: Type 'string' is not assignable to type 'number'.
void workflow.register({ id: 'wrong', steps: [{ id: 'a', action: 'run', maxRetries: '3' }] })
