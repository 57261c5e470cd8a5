/**
 * A project of a user: a folder in which `workflow.do` is installed, that is, this package as it was compiled for the tests.
 *
 * Its programs are checked as strictly as `tsc --strict` does before they are run.
 */

import { execFile } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

import ts from 'typescript'

import { folder } from '../folder.js'
import { absolute, type Finding, findings } from './program.js'

/** Programs by name, with `.ts`. */
export type Programs = Readonly<Record<string, string>>

/** Seen from `build/test/compiler`. */
const COMPILED = fileURLToPath(new URL('../../src', import.meta.url))

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  types: ['node'],
  typeRoots: [absolute('node_modules/@types')],
  paths: { 'workflow.do': [absolute('src/index.ts')], 'workflow.do/testing': [absolute('src/testing.ts')] },
  // What this package asks of itself is not asked of users.
  exactOptionalPropertyTypes: false,
  noUncheckedIndexedAccess: false,
  noImplicitOverride: false,
  noUnusedLocals: false,
  noUnusedParameters: false,
  rootDir: '/'
}

/** Where the compiler finds the programs; nothing is ever written there. */
const IN_MEMORY = 'test/project/'

/** What is wrong with programs that may import each other. */
export function mistakes(programs: Programs): Finding[] {
  const overlay = Object.fromEntries(Object.entries(programs).map(([name, text]) => [IN_MEMORY + name, text]))
  const found = findings(Object.keys(overlay), overlay, OPTIONS).filter(({ file }) => file in overlay)
  return found.map((finding) => ({ ...finding, file: finding.file.slice(IN_MEMORY.length) }))
}

export class Project {
  readonly folder: string

  constructor(t: TestContext, programs: Programs) {
    const wrong = mistakes(programs)
    if (wrong.length > 0) throw new Error(wrong.map(({ file, line, message }) => `${file}:${line}: ${message}`).join('\n'))
    this.folder = folder(t)
    const installed = join(this.folder, 'node_modules/workflow.do')
    mkdirSync(installed, { recursive: true })
    symlinkSync(COMPILED, join(installed, 'src'))
    const exports = { '.': './src/index.js', './testing': './src/testing.js' }
    writeFileSync(join(installed, 'package.json'), JSON.stringify({ name: 'workflow.do', type: 'module', exports }))
    writeFileSync(join(this.folder, 'package.json'), JSON.stringify({ type: 'module' }))
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(this.#compiled(name), ts.transpileModule(text, { compilerOptions }).outputText)
    }
  }

  /** Runs a program in this process, and gives what it exports. */
  async load<Exports>(name: string): Promise<Exports> {
    return (await import(pathToFileURL(this.#compiled(name)).href)) as Exports
  }

  /** Runs a program in a process of its own, and gives what it prints. It has to end by itself. */
  async run(name: string, ...nodeOptions: string[]): Promise<string> {
    const arguments_ = [...nodeOptions, this.#compiled(name)]
    // It is no part of the test run that this is.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { stdout } = await promisify(execFile)(process.execPath, arguments_, { cwd: this.folder, env, timeout: 60_000 })
    return stdout
  }

  #compiled(name: string): string {
    return join(this.folder, name.replace(/\.ts$/, '.js'))
  }
}
