/** Where this package's files are, and the name of the addon's file on this machine. */

import { fileURLToPath } from 'node:url'

export const packageRoot = fileURLToPath(new URL('..', import.meta.url))

/** As napi-rs names it: `workflow-do.linux-x64-gnu.node`. */
export function addonFile() {
  return `workflow-do.${platform()}.node`
}

function platform() {
  const { platform, arch } = process
  if (platform === 'win32') return `win32-${arch}-msvc`
  if (platform !== 'linux') return `${platform}-${arch}`
  // A report looks up host names unless told not to.
  process.report.excludeNetwork = true
  return `linux-${arch}-${process.report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl'}`
}
