// What processes use, as the kernel counts it: CPU, memory, bytes sent to the disk. A process stands for its whole tree.

import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

// Linux gives user space ticks of 10 ms on every platform.
const TICK_US = 10_000
const MIB = 1 << 20

/**
 * A moment of a run. `parts` are the processes that belong to the system: {name: pid}. Two moments are compared by `between`.
 */
export function moment(parts) {
  const children = childrenByParent()
  const usage = Object.entries(parts).map(([name, pid]) => [name, ofTree(pid, children)])
  return { at: performance.now(), parts: Object.fromEntries(usage), own: ofTree(process.pid, children).cpuUs, machine: busyUs() }
}

/** What was used from one moment to a later one: in all, by part, and by others meanwhile. */
export function between(before, after) {
  const wallUs = (after.at - before.at) * 1_000
  const cpuParts = {}
  let [cpuUs, writtenBytes] = [0, 0]
  for (const [name, part] of Object.entries(after.parts)) {
    cpuParts[name] = part.cpuUs - before.parts[name].cpuUs
    cpuUs += cpuParts[name]
    writtenBytes += part.writtenBytes - before.parts[name].writtenBytes
  }
  const others = after.machine - before.machine - (after.own - before.own)
  return { cpuUs, cpuParts, writtenBytes, otherCores: Math.max(0, others / wallUs) }
}

/** MiB in memory of each part. Where a part is several processes, what they share counts once (PSS). */
export function residentMib(parts) {
  const children = childrenByParent()
  const mib = ([name, pid]) => {
    const pids = tree(pid, children)
    const field = pids.length > 1 ? 'Pss' : 'Rss'
    const kib = pids.map((pid) => Number(read(pid, 'smaps_rollup').match(new RegExp(`^${field}:\\s+(\\d+)`, 'm'))?.[1] ?? 0))
    return [name, (kib.reduce((sum, each) => sum + each, 0) * 1024) / MIB]
  }
  return Object.fromEntries(Object.entries(parts).map(mib))
}

/** A process and all that it started, as far as they live. */
export function tree(pid, children = childrenByParent()) {
  return [pid, ...(children.get(pid) ?? []).flatMap((child) => tree(child, children))]
}

/** The lengths of all files below a folder; blocks that are allocated beyond the end of a file do not count. */
export function fileBytes(folder) {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    // Running databases remove files between the listing and the look.
    bytes += statSync(join(entry.parentPath ?? entry.path, entry.name), { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes
}

function ofTree(pid, children) {
  let [cpuUs, writtenBytes] = [0, 0]
  for (const each of tree(pid, children)) {
    // utime, stime, and the same of children that have ended: those that come and go are counted too.
    const ticks = statFields(each)?.slice(11, 15) ?? []
    cpuUs += ticks.reduce((sum, field) => sum + Number(field), 0) * TICK_US
    writtenBytes += Number(read(each, 'io').match(/^write_bytes: (\d+)/m)?.[1] ?? 0)
  }
  return { cpuUs, writtenBytes }
}

function childrenByParent() {
  const children = new Map()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = Number(statFields(name)?.[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  return children
}

/** From the third field on: the second is the name, in parentheses, and may hold anything. */
function statFields(pid) {
  const stat = read(pid, 'stat')
  return stat ? stat.slice(stat.lastIndexOf(')') + 2).split(' ') : undefined
}

/** All cores together: user, nice, system and interrupts, without idle, waiting and steal. */
function busyUs() {
  const [user, nice, system, , , interrupt, soft] = readFileSync('/proc/stat', 'utf8').match(/^cpu\s+(.*)$/m)[1].split(' ').map(Number)
  return (user + nice + system + interrupt + soft) * TICK_US
}

/** Empty when the process has gone. */
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
