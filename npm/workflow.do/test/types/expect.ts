/** What the type tests are written with. `types.test.ts` shows that every line of theirs can fail. */

/** Whether two types are the same, `any`, optional and readonly included. */
export type Equal<Actual, Expected> =
  (<T>() => T extends Actual ? 1 : 2) extends <T>() => T extends Expected ? 1 : 2 ? true : false

export type Expect<Holds extends true> = Holds
