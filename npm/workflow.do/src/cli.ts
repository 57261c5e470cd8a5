#!/usr/bin/env node
/**
 * The `workflow` command line: the same as the binary, run by the addon in this process.
 *
 * Nothing here touches `process.stdout`: Node would set the streams to its own needs, and the command line writes to them itself.
 */

import { basename } from 'node:path'

import { native } from './native.js'

// Node has handlers of its own for these, which would raise the signal again and again once Rust listens too. A listener that
// comes and goes leaves the system's default, which is what the binary starts with.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  const ignore = () => {}
  process.on(signal, ignore).off(signal, ignore)
}

process.exit(run())

function run(): number {
  try {
    return native().runCommandLine([typedName(), ...process.argv.slice(2)])
  } catch (error) {
    // Only an addon that is not there: the command line says itself what goes wrong in it.
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  }
}

/** What can be typed again as it stands: `workflow` where it is on the path, `npx workflow.do` where only npm finds it. */
function typedName(): string {
  const name = basename(process.argv[1] ?? '')
  const isOnPath = process.env['npm_command'] === undefined && (name === 'workflow' || name === 'workflow.do')
  return isOnPath ? name : 'npx workflow.do'
}
