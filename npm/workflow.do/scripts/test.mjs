/**
 * Compiles the tests and runs them, on the Node that runs this.
 *
 *   node scripts/test.mjs               all
 *   node scripts/test.mjs crash seed    the files test/crash.test.ts and test/seed.test.ts
 *   node scripts/test.mjs --running     all but those that only run the TypeScript compiler: for another Node
 */

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { addonFile, packageRoot } from './platform.mjs'

const COMPILER_ONLY = ['completions', 'types']

const built = join(packageRoot, 'build')

if (!existsSync(join(packageRoot, addonFile()))) {
  throw new Error(`there is no ${addonFile()}: build it with 'npm run build:addon -- dev'`)
}
rmSync(built, { recursive: true, force: true })
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.test.json'], { cwd: packageRoot, stdio: 'inherit' })
// `build/src` is to the tests what `dist` is to a user, and finds the addon in the same place.
symlinkSync(join('..', addonFile()), join(built, addonFile()))

const all = readdirSync(join(built, 'test')).filter((file) => file.endsWith('.test.js')).map((file) => file.replace('.test.js', ''))
const running = all.filter((name) => !COMPILER_ONLY.includes(name))
const asked = process.argv.slice(2)
const wanted = asked.length === 0 ? all : asked[0] === '--running' ? running : asked
const unknown = wanted.find((name) => !all.includes(name))
if (unknown !== undefined) throw new Error(`there is no test/${unknown}.test.ts`)
// One file after the other: one of them packs the package, and several count on the machine's time.
const arguments_ = ['--test', '--test-reporter=spec', '--test-concurrency=1', ...wanted.map((name) => join(built, 'test', `${name}.test.js`))]
process.exit(spawnSync(process.execPath, arguments_, { stdio: 'inherit' }).status ?? 1)
