/** All types of the package, under the names that the README uses. */

export type * from './api.js'
export type * from './define.js'
export type * from './definition.js'
export type * from './execution.js'
export type { StateOf } from './state.js'
