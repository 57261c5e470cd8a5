/**
 * Finds the addon for this platform and loads it. `native.ts` says what is in it.
 *
 * It lies beside `dist` in a package that was packed or built on this machine; a published package has it in a package of its
 * own for each platform, of which npm installs the one that fits.
 */

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

import { WorkflowError } from './errors.js'

/** Those that are published, as napi-rs names them. */
export const PLATFORMS = [
  'linux-x64-gnu',
  'linux-arm64-gnu',
  'linux-x64-musl',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64-msvc'
]

const require = createRequire(import.meta.url)

/** Throws a `WorkflowError` that says what was looked for and what to do. */
export function loadAddon(): unknown {
  const platform = platformOf(process)
  const beside = fileURLToPath(new URL(`../workflow-do.${platform}.node`, import.meta.url))
  if (existsSync(beside)) return load(beside, beside)
  const name = `workflow.do-${platform}`
  const manifest = manifestOf(`${name}/package.json`)
  if (manifest === undefined) throw new WorkflowError('addon_missing', missing(platform, beside, name))
  const own = manifestOf('../package.json')
  if (manifest.version !== own?.version) {
    throw new WorkflowError(
      'addon_mismatch',
      `${name} is ${manifest.version}, but workflow.do is ${own?.version}: both must be of one version; run 'npm install' again`
    )
  }
  return load(name, `the package ${name}`)
}

function load(what: string, where: string): unknown {
  try {
    return require(what)
  } catch (error) {
    // The system's own words: a glibc that is too old, a file that is cut short.
    const reason = error instanceof Error ? error.message : String(error)
    const message = `the addon of workflow.do cannot be loaded from ${where} with Node.js ${process.version}: ${reason}`
    throw new WorkflowError('addon_broken', message, { cause: error })
  }
}

function manifestOf(path: string): { version: string } | undefined {
  try {
    return require(path) as { version: string }
  } catch {
    return undefined
  }
}

function missing(platform: string, file: string, name: string): string {
  const looked = `the addon of workflow.do for ${platform} is missing: neither ${file} nor the package ${name} is there`
  if (!PLATFORMS.includes(platform)) {
    return `${looked}; it is published for ${PLATFORMS.join(', ')}: on other platforms build it from source with 'npm run build:addon'`
  }
  return (
    `${looked}; run 'npm install' again on this machine, and without '--omit=optional': node_modules that were copied from another ` +
    'platform, or installed without optional dependencies, lack it'
  )
}

function platformOf({ platform, arch, report }: NodeJS.Process): string {
  if (platform === 'win32') return `win32-${arch}-msvc`
  if (platform !== 'linux') return `${platform}-${arch}`
  // Unless it is told not to, a report looks up the names of hosts.
  Object.assign(report ?? {}, { excludeNetwork: true })
  const { header } = report?.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  return `linux-${arch}-${header.glibcVersionRuntime === undefined ? 'musl' : 'gnu'}`
}
