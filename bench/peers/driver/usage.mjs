// What processes use, as the kernel counts it: CPU, and memory. A process stands for its whole tree. And what a disk was sent.

import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

// Linux gives user space ticks of 10 ms on every platform.
const TICK_US = 10_000
const MIB = 1 << 20
const SECTOR_BYTES = 512

/**
 * A moment of a run. `parts` are the processes that belong to the system: {name: pid}; their data lies in `folder`. Two moments are
 * compared by `between`.
 */
export function moment(parts, folder) {
  const children = childrenByParent()
  const cpu = Object.entries(parts).map(([name, pid]) => [name, cpuUs(pid, children)])
  return {
    at: performance.now(),
    parts: Object.fromEntries(cpu),
    own: cpuUs(process.pid, children),
    machine: busyUs(),
    disk: diskWrittenBytes(folder),
  }
}

/** What was used from one moment to a later one: in all, by part, and by others meanwhile. */
export function between(before, after) {
  const wallUs = (after.at - before.at) * 1_000
  const cpuParts = Object.fromEntries(Object.keys(after.parts).map((name) => [name, after.parts[name] - before.parts[name]]))
  const others = after.machine - before.machine - (after.own - before.own)
  return {
    cpuUs: Object.values(cpuParts).reduce((sum, us) => sum + us, 0),
    cpuParts,
    // Of all processes on this disk. What the kernel counts by process (`write_bytes`) is no measure: it takes a whole folio for each
    // write to it, on ext4 up to 2 MiB for 8 KiB.
    writtenBytes: after.disk === undefined ? undefined : after.disk - before.disk,
    otherCores: Math.max(0, others / wallUs),
  }
}

/** CPU of the threads of these processes by what they are called, without numbers: `{name: us}`. Those that have ended are not there. */
export function threadsUs(pids) {
  const used = {}
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const stat = read(pid, `task/${thread}/stat`)
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')).replace(/-?\d+$/, '')
      const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13)
      used[name] = (used[name] ?? 0) + (Number(user) + Number(system)) * TICK_US
    }
  }
  return used
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

/**
 * The lengths of all files below a folder; blocks that are allocated beyond the end of a file do not count. `open` leaves out the
 * logs of SQLite, which closing a file empties into it.
 */
export function fileBytes(folder, { open = false } = {}) {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || (open && /-(wal|shm)$/.test(entry.name))) continue
    // Running databases remove files between the listing and the look.
    bytes += statSync(join(entry.parentPath ?? entry.path, entry.name), { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes
}

/** utime, stime, and the same of children that have ended: those that come and go are counted too. */
function cpuUs(pid, children) {
  const ticks = tree(pid, children).flatMap((each) => statFields(each)?.slice(11, 15) ?? [])
  return ticks.reduce((sum, field) => sum + Number(field), 0) * TICK_US
}

/** What the disk of a folder was sent since the machine started; undefined where it is no block device, as in memory. */
function diskWrittenBytes(folder) {
  const { dev } = statSync(folder)
  const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)]
  const lines = readFileSync('/proc/diskstats', 'utf8').split('\n').map((line) => line.trim().split(/\s+/))
  const line = lines.find((fields) => Number(fields[0]) === major && Number(fields[1]) === minor)
  return line && Number(line[9]) * SECTOR_BYTES
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
