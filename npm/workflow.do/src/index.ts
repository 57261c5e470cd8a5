/**
 * Durable workflows in TypeScript. `Workflow` is where to begin.
 */

export { defineWorkflow } from './define.js'
export { NonRetryableError, WorkflowError, type WorkflowErrorDetails } from './errors.js'
export type * from './types.js'
export { DO, Workflow } from './workflow.js'
