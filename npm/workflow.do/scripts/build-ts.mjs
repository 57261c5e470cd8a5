/** Compiles `src` to `dist`. */

import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { packageRoot } from './platform.mjs'

export function buildTypeScript() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  // What is printed is for people: `npm pack --json` has standard output to itself.
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: packageRoot, stdio: ['ignore', 2, 2] })
  // npm does it when it installs, but not where the package is linked from the tree.
  chmodSync(join(packageRoot, 'dist', 'cli.js'), 0o755)
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) buildTypeScript()
