/**
 * The TypeScript compiler and its language service over the sources of this package, with texts in memory put over them.
 *
 * Paths are from the package's folder. A text in memory may stand for a file that is not there.
 */

import { join, resolve } from 'node:path'

import ts from 'typescript'

import { packageRoot } from '../places.js'

/** Without the slash at its end. */
const root = resolve(packageRoot)

/** Texts by path. */
export type Overlay = Readonly<Record<string, string>>

export interface Finding {
  file: string
  /** From 1. */
  line: number
  code: number
  message: string
}

/** As the package itself is compiled, with messages in full. */
const options: ts.CompilerOptions = { ...configured(), noEmit: true, noErrorTruncation: true, skipLibCheck: true }

const sourceFiles = new Map<string, ts.SourceFile>()

/** Everything that the compiler has against these files and what they import. */
export function findings(roots: readonly string[], overlay: Overlay = {}, more: ts.CompilerOptions = {}): Finding[] {
  return ts.getPreEmitDiagnostics(programOf(roots, overlay, more)).map((diagnostic) => {
    const { file, start = 0, code } = diagnostic
    const line = file ? ts.getLineAndCharacterOfPosition(file, start).line + 1 : 0
    const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')
    return { file: file ? relative(file.fileName) : '', line, code, message }
  })
}

export function programOf(roots: readonly string[], overlay: Overlay = {}, more: ts.CompilerOptions = {}): ts.Program {
  const host = ts.createCompilerHost({ ...options, ...more })
  host.readFile = (path) => read(path, overlay)
  host.fileExists = (path) => read(path, overlay) !== undefined
  host.directoryExists = (path) =>
    ts.sys.directoryExists(path) || Object.keys(overlay).some((file) => absolute(file).startsWith(`${path}/`))
  host.getSourceFile = (path, version) => {
    const text = read(path, overlay)
    if (text === undefined) return undefined
    // Most of the time goes into parsing, and almost all files are the same every time.
    const known = sourceFiles.get(path)
    if (known?.text === text) return known
    const file = ts.createSourceFile(path, text, version, true)
    sourceFiles.set(path, file)
    return file
  }
  return ts.createProgram({ rootNames: roots.map(absolute), options: { ...options, ...more }, host })
}

/** What an editor asks, of one text in memory that may be set again and again. */
export class Editor {
  readonly service: ts.LanguageService
  #text = ''
  #version = 0

  constructor(readonly path: string) {
    const overlay = () => ({ [path]: this.#text })
    this.service = ts.createLanguageService({
      getCompilationSettings: () => options,
      getScriptFileNames: () => [absolute(path)],
      getScriptVersion: (file) => (relative(file) === path ? String(this.#version) : '0'),
      getScriptSnapshot: (file) => {
        const found = read(file, overlay())
        return found === undefined ? undefined : ts.ScriptSnapshot.fromString(found)
      },
      getCurrentDirectory: () => root,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: (file) => read(file, overlay()) !== undefined,
      readFile: (file) => read(file, overlay()),
      directoryExists: ts.sys.directoryExists,
      getDirectories: ts.sys.getDirectories
    })
  }

  set text(text: string) {
    this.#text = text
    this.#version++
  }
}

export function absolute(path: string): string {
  return join(root, path)
}

function relative(path: string): string {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path
}

function read(path: string, overlay: Overlay): string | undefined {
  return overlay[relative(path)] ?? ts.sys.readFile(path)
}

function configured(): ts.CompilerOptions {
  const { config, error } = ts.readConfigFile(absolute('tsconfig.test.json'), ts.sys.readFile)
  if (error) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'))
  return ts.parseJsonConfigFileContent(config, ts.sys, root).options
}
