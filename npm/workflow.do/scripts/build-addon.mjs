/**
 * Builds the addon for this machine and puts it where the loader looks first: beside `dist`.
 *
 *   node scripts/build-addon.mjs [PROFILE [CARGO ARGUMENT...]]
 *
 * PROFILE is cargo's: dev, release, or dist (the default, what is published). With `-p workflow-cli` that is built in the same run:
 * packages that are built apart may need other features of what they have in common, which is then compiled twice.
 *
 * Addons for other machines are built by the release workflow, with `napi build` and its cross compilers.
 */

import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, renameSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

import { addonFile, packageRoot } from './platform.mjs'

const CRATE = 'workflow-node'

export async function buildAddon(profile, more = []) {
  const library = await cargoBuild(profile, more)
  const addon = join(packageRoot, addonFile())
  // A process that has it loaded would crash if it were written in place.
  const fresh = `${addon}.new`
  copyFileSync(library, fresh)
  renameSync(fresh, addon)
  console.error(`${addonFile()}: ${(statSync(addon).size / 1e6).toFixed(1)} MB, profile ${profile}`)
}

/** Answers the path of the library that cargo made, wherever its target directory is. */
async function cargoBuild(profile, more) {
  const args = ['build', '-p', CRATE, ...more, '--profile', profile, '--message-format', 'json-render-diagnostics']
  const cargo = spawn('cargo', args, {
    cwd: packageRoot,
    // rustup's own folder, for shells that never read its profile.
    env: { ...process.env, PATH: `${process.env.PATH}${delimiter}${join(homedir(), '.cargo', 'bin')}` },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = new Promise((resolve, reject) => {
    cargo.on('error', (error) => reject(new Error(`cargo cannot be run: ${error.message}; Rust is needed, from https://rustup.rs`)))
    cargo.on('close', resolve)
  })
  let library
  for await (const line of createInterface({ input: cargo.stdout })) {
    const message = JSON.parse(line)
    if (message.reason === 'compiler-artifact' && message.target.name === CRATE.replace('-', '_')) {
      library = message.filenames.find((file) => /\.(so|dylib|dll)$/.test(file))
    }
  }
  const code = await ended
  if (code !== 0) throw new Error(`cargo ${args.join(' ')} ended with code ${code}`)
  if (!library || !existsSync(library)) throw new Error(`cargo named no library of ${CRATE}`)
  return library
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await buildAddon(process.argv[2] ?? 'dist', process.argv.slice(3))
