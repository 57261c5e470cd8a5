/** Where things are, seen from `build/test`, which the tests are compiled to. */

import { fileURLToPath } from 'node:url'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** `npm/workflow.do` */
export const packageRoot = path('../..')
export const repository = path('../../../..')
/** The command line: `node cli serve`. */
export const cli = path('../src/cli.js')
