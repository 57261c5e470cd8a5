/** What `StateOf` gives an action. The rules behind it are compared with the engine's in `state-of.test.ts`. */

import { defineWorkflow } from '../../src/define.js'
import type { StateOf, StepError } from '../../src/types.js'
import type { Workflow } from '../../src/workflow.js'
import type { Equal, Expect } from './expect.js'

declare const workflow: Workflow

interface Order {
  orderId: string
  /** Also the name of a step, which hides it. */
  reserve: boolean
}

const order = defineWorkflow({
  id: 'order-processing',
  context: { currency: 'EUR', orderId: 0 },
  steps: [
    { id: 'validate', action: 'validatePayment' },
    { id: 'reserve', action: 'reserveInventory', dependsOn: ['validate'] },
    { id: 'charge', action: 'chargeCard', dependsOn: ['reserve'], maxRetries: 3, onError: 'branch', errorBranch: 'refund' },
    { id: 'gift', action: 'wrapGift', condition: 'input.gift', dependsOn: ['charge'] },
    { id: 'pause', action: 'noop', wait: '1h', dependsOn: ['charge'] },
    { id: 'rate', action: 'Ratings.ask', onError: 'continue', dependsOn: ['charge'] },
    { id: 'refund', action: 'refundCard' },
    { id: 'notify', action: 'sendConfirmation', dependsOn: ['gift', 'pause', 'rate'] },
    { id: 'close', action: 'closeOrder', dependsOn: ['notify', 'refund'] }
  ]
})

// The methods of a class, with the types that they infer: reading `state` in one of them is no circle.
class OrderActions {
  async validatePayment(params: Order) {
    return { total: 4200, card: params.orderId, checkedAt: new Date(0) }
  }

  reserveInventory(_: Order, state: StateOf<typeof order, OrderActions, 'reserve', Order>) {
    return [state.validate.total, state.validate.card] as const
  }

  async chargeCard(_: Order, state: StateOf<typeof order, OrderActions, 'charge'>) {
    return { charged: state.validate.total, parts: state.reserve[0] }
  }

  async wrapGift(_: Order, state: StateOf<typeof order, OrderActions, 'gift'>) {
    return state.charge.charged > 100 ? ('large' as const) : undefined
  }

  async refundCard(_: Order, state: StateOf<typeof order, OrderActions, 'refund'>) {
    return { message: state.error.message, total: state.validate.total }
  }

  async sendConfirmation(_: Order, state: StateOf<typeof order, OrderActions, 'notify'>): Promise<void> {
    void state.charge.charged
  }

  async closeOrder() {}
}

interface Validated {
  total: number
  card: string
  checkedAt: string
}
interface Charged {
  charged: number
  parts: number
}
interface Refunded {
  message: string
  total: number
}
type Reserved = readonly [number, string]

/** Interfaces written out, as `StateOf` gives them. */
type Plain<Of> = { [Key in keyof Of]: Of[Key] } & {}

export type States = [
  // Context beneath input; a step's name means the step.
  Expect<
    Equal<StateOf<typeof order, OrderActions, 'reserve', Order>, { currency: string; orderId: string; validate: Plain<Validated> }>
  >,
  Expect<Equal<StateOf<typeof order, OrderActions, 'validate'>, { currency: string; orderId: number }>>,
  // All ancestors, not only dependencies.
  Expect<
    Equal<
      StateOf<typeof order, OrderActions, 'gift'>,
      { currency: string; orderId: number; validate: Plain<Validated>; reserve: Reserved; charge: Plain<Charged> }
    >
  >,
  // After a fork: what can be skipped or fail is optional, what all branches had is not. `noop` and `void` have no output.
  Expect<
    Equal<
      StateOf<typeof order, OrderActions, 'notify'>,
      {
        currency: string
        orderId: number
        validate: Plain<Validated>
        reserve: Reserved
        charge: Plain<Charged>
        gift?: 'large' | undefined
        pause?: undefined
        rate?: unknown
      }
    >
  >,
  // A target sees why it runs, and what the step that failed saw; not its output.
  Expect<
    Equal<
      StateOf<typeof order, OrderActions, 'refund'>,
      {
        currency: string
        orderId: number
        validate: Plain<Validated>
        reserve: Reserved
        charge?: Plain<Charged>
        error: StepError
      }
    >
  >,
  // A join after either of two ways has what both had.
  Expect<
    Equal<
      StateOf<typeof order, OrderActions, 'close'>,
      {
        currency: string
        orderId: number
        validate: Plain<Validated>
        reserve: Reserved
        charge?: Plain<Charged>
        gift?: 'large' | undefined
        pause?: undefined
        rate?: unknown
        notify?: undefined
        refund?: Plain<Refunded>
        error?: StepError
      }
    >
  >,
  // For an action of several steps.
  Expect<Equal<StateOf<typeof order, OrderActions>['charge'], Plain<Charged> | undefined>>,
  Expect<Equal<keyof StateOf<typeof order, OrderActions>, 'currency' | 'orderId' | 'error' | (typeof order.steps)[number]['id']>>
]

declare const charge: StateOf<typeof order, OrderActions, 'charge'>
declare const close: StateOf<typeof order, OrderActions, 'close'>
// @ts-expect-error 2339: Property 'fulfil' does not exist
charge.fulfil
// @ts-expect-error 2339: Property 'notify' does not exist
charge.notify
// @ts-expect-error 2551: Property 'totall' does not exist
charge.validate.totall
// @ts-expect-error 2339: Property 'getTime' does not exist on type 'string'.
charge.validate.checkedAt.getTime()
// @ts-expect-error 18048: 'close.charge' is possibly 'undefined'.
close.charge.charged
// @ts-expect-error 2344: Type '"chrage"' does not satisfy the constraint
export type Mistyped = StateOf<typeof order, OrderActions, 'chrage'>

// What a step surely has, and what it may lack.
const forks = defineWorkflow({
  id: 'forks',
  steps: [
    { id: 'always', action: 'noop' },
    { id: 'sometimes', action: 'noop', condition: 'input.some' },
    { id: 'perhaps', action: 'noop', onError: 'continue', dependsOn: ['always'] },
    { id: 'afterSometimes', action: 'noop', dependsOn: ['sometimes'] },
    { id: 'afterPerhaps', action: 'noop', dependsOn: ['perhaps'] },
    { id: 'afterAlwaysOrSometimes', action: 'noop', dependsOn: ['sometimes', 'always'] },
    { id: 'afterHandled', action: 'noop', onError: 'branch', errorBranch: 'a-workflow', dependsOn: ['always'] },
    { id: 'afterEither', action: 'noop', dependsOn: ['afterHandled', 'afterSometimes'] }
  ]
})
type Forks<StepId extends (typeof forks.steps)[number]['id']> = StateOf<typeof forks, {}, StepId>

export type Sure = [
  Expect<Equal<Forks<'afterSometimes'>, { sometimes: undefined }>>,
  Expect<Equal<Forks<'afterPerhaps'>, { always: undefined; perhaps?: undefined }>>,
  Expect<Equal<Forks<'afterAlwaysOrSometimes'>, { always: undefined; sometimes?: undefined }>>,
  Expect<
    Equal<Forks<'afterEither'>, { always?: undefined; sometimes?: undefined; afterSometimes?: undefined; afterHandled?: undefined }>
  >
]

// What comes back is what JSON makes of it.
class Values {
  date() {
    return { at: new Date(0) as Date | undefined, run: () => 1, [Symbol.iterator]: 1 }
  }
  async list() {
    return [1, 'two', null] as (number | string | null)[]
  }
  nothing() {}
  either() {
    return null as string | null
  }
  big() {
    return { value: 1n }
  }
  loose(): unknown {
    return 1
  }
  nested() {
    return { deep: { when: new Date(0), list: [{ when: new Date(0) }] } }
  }
}
const values = defineWorkflow({
  id: 'values',
  steps: [
    { id: 'date', action: 'date' },
    { id: 'list', action: 'list' },
    { id: 'nothing', action: 'nothing' },
    { id: 'either', action: 'either' },
    { id: 'big', action: 'big' },
    { id: 'loose', action: 'loose' },
    { id: 'nested', action: 'nested' },
    { id: 'elsewhere', action: 'inAnotherProcess' },
    { id: 'all', action: 'noop', dependsOn: ['date', 'list', 'nothing', 'either', 'big', 'loose', 'nested', 'elsewhere'] }
  ]
})
type Json = StateOf<typeof values, Values, 'all'>

export type AfterJson = [
  Expect<Equal<Json['date'], { at: string | undefined }>>,
  Expect<Equal<Json['list'], (number | string | null)[]>>,
  Expect<Equal<Json['nothing'], undefined>>,
  Expect<Equal<Json['either'], string | null>>,
  Expect<Equal<Json['big'], { value: never }>>,
  Expect<Equal<Json['loose'], unknown>>,
  Expect<Equal<Json['nested'], { deep: { when: string; list: { when: string }[] } }>>,
  Expect<Equal<Json['elsewhere'], unknown>>
]

void workflow.register(values)
