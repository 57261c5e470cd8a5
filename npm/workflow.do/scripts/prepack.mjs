/**
 * Makes what `npm pack` packs: `dist`, and the addon for this machine, so that the tarball installs and runs without a registry.
 *
 *   WORKFLOW_ADDON=dev npm pack      the addon in another cargo profile than `dist`
 *   WORKFLOW_ADDON=none npm publish  without one: the release workflow, which publishes a package for each platform
 */

import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { buildAddon } from './build-addon.mjs'
import { buildTypeScript } from './build-ts.mjs'
import { packageRoot } from './platform.mjs'

const addon = process.env.WORKFLOW_ADDON || 'dist'

if (addon !== 'none' && process.env.npm_command === 'publish') {
  throw new Error('what is published has no addon of one platform in it: publish with .github/workflows/release.yml')
}
if (addon === 'none') {
  const { name, napi, optionalDependencies = {} } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  const platforms = Object.keys(optionalDependencies).filter((dependency) => dependency.startsWith(`${name}-`))
  if (platforms.length !== napi.targets.length) {
    throw new Error(
      `without an addon the package needs one dependency for each of its ${napi.targets.length} platforms, but has ` +
        `${platforms.length}: run 'napi pre-publish' before, as .github/workflows/release.yml does`
    )
  }
}

for (const file of readdirSync(packageRoot)) {
  if (file.endsWith('.node')) rmSync(join(packageRoot, file))
}
// What an earlier build left would be packed too.
rmSync(join(packageRoot, 'dist'), { recursive: true, force: true })
buildTypeScript()
// What is compiled into the addon, and under which licences.
execFileSync(process.execPath, [join(packageRoot, '../../scripts/third-party.mjs'), join(packageRoot, 'THIRD-PARTY-LICENSES.txt')], { stdio: 'inherit' })
if (addon !== 'none') await buildAddon(addon)
