/**
 * What an import in a Cloudflare Worker finds. Durable Objects come in a later version.
 */

export class DO {
  constructor() {
    throw missing()
  }
}

export class Workflow extends DO {}

export class WorkflowError extends Error {}

export class NonRetryableError extends Error {}

export function defineWorkflow<Definition>(definition: Definition): Definition {
  return definition
}

function missing(): Error {
  return new Error(
    'workflow.do does not run in Durable Objects yet: run it in Node (20 or later), or call a `workflow serve` over its HTTP API from the Worker'
  )
}

throw missing()
