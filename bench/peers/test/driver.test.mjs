// What the figures of all peers rest on, tried on processes whose work is known. Needs none of the peers.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { percentiles } from '../driver/figures.mjs'
import { Host, Hosts } from '../driver/host.mjs'
import { expected, input, output } from '../driver/order.mjs'
import { Program } from '../driver/processes.mjs'
import { countSyncs, withPerf, withStrace } from '../driver/syncs.mjs'
import { between, fileBytes, moment, residentMib, threadsUs, tree } from '../driver/usage.mjs'

let folder
const puppets = []
before(() => (folder = mkdtempSync(join(tmpdir(), 'peers-driver-'))))
after(async () => {
  // A test that failed has left its own, which would keep this process.
  await Promise.all(puppets.map((program) => program.stop('SIGTERM')))
  rmSync(folder, { recursive: true, force: true })
})

/** Busy for as long as the CPU says, not the clock: there may be others who want it. */
const BUSY = `for (const since = process.cpuUsage(); process.cpuUsage(since).user + process.cpuUsage(since).system < 300_000; );`

/** A program in which each line that it is told is run as JavaScript; it answers when that is done. */
function puppet(name) {
  const loop = `
    const fs = require('node:fs'), { spawn } = require('node:child_process')
    const lines = require('node:readline').createInterface({ input: process.stdin })
    lines.on('line', async (line) => { await eval('(async () => {' + line + '})()'); console.log('done') })`
  const program = new Program({ name, command: process.execPath, args: ['-e', loop], log: join(folder, `${name}.log`), dialogue: true })
  puppets.push(program)
  return program
}

async function told(program, line) {
  program.say(line)
  assert.equal(await program.nextLine(), 'done')
}

test('inputs and outputs are about 100 bytes, and an output names its step', () => {
  for (const step of ['validate', 'reserve', 'charge', 'fulfill', 'notify', 'split', 'part0', 'join']) {
    assert.equal(JSON.stringify(output(step)).length, JSON.stringify(output('notify')).length)
    assert.ok(output(step).reference.startsWith(`ref_${step}_`))
  }
  assert.equal(output('notify').reference.length, 'ref_0123456789abcdef0123456789abcdef'.length)
  assert.ok(Math.abs(JSON.stringify(input('0123456789')).length - 100) < 15)
  assert.equal(expected('order-5'), output('notify').reference)
  assert.equal(expected('fan-out'), output('join').reference)
  assert.equal(expected('sleepers'), undefined)
})

test('percentiles are of the sorted sample', () => {
  const micros = Array.from({ length: 1_001 }, (_, index) => (1_001 - index) * 1_000)
  assert.deepEqual(percentiles(micros), { p50_ms: 501, p99_ms: 991, p999_ms: 1_000, max_ms: 1_001 })
})

test('the CPU of a process counts, that of its children too, also of children that have ended', async () => {
  const program = puppet('usage')
  await told(program, '')
  const parts = { program: program.pid }
  const start = moment(parts, folder)
  await told(program, BUSY)
  const alone = between(start, moment(parts, folder))
  assert.ok(alone.cpuUs >= 250_000, `300 ms of a busy loop were counted as ${alone.cpuUs} us`)
  await told(program, `await new Promise((ended) => spawn(process.execPath, ['-e', ${JSON.stringify(BUSY)}]).once('exit', ended))`)
  const both = between(start, moment(parts, folder))
  assert.ok(both.cpuUs >= alone.cpuUs + 250_000, `a busy child added ${both.cpuUs - alone.cpuUs} us`)
  assert.deepEqual(both.cpuParts, { program: both.cpuUs })
  await program.stop('SIGTERM')
})

test('the CPU of threads counts by their names', async () => {
  const program = puppet('threads')
  await told(program, BUSY)
  const start = threadsUs([program.pid])
  await told(program, BUSY)
  const end = threadsUs([program.pid])
  const [[busiest, us]] = Object.keys(end).map((name) => [name, end[name] - (start[name] ?? 0)]).sort(([, a], [, b]) => b - a)
  // The one that runs JavaScript, whose name is that of the process.
  assert.equal(busiest, readFileSync(`/proc/${program.pid}/comm`, 'utf8').trim().replace(/-?\d+$/, ''))
  assert.ok(us >= 250_000, `300 ms of a busy loop were counted as ${us} us`)
  assert.ok(Object.keys(end).every((name) => !/\d$/.test(name)), JSON.stringify(end))
  await program.stop('SIGTERM')
})

test('a part stands for its tree of processes, and its memory is theirs', async () => {
  const program = puppet('tree')
  await told(program, '')
  const alone = residentMib({ program: program.pid }).program
  assert.ok(alone > 10, `a process of Node has ${alone} MiB`)
  await told(program, `globalThis.child = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log(1)']); await new Promise((up) => child.stdout.once('data', up))`)
  assert.equal(tree(program.pid).length, 2)
  assert.ok(residentMib({ program: program.pid }).program > 10)
  await told(program, 'child.kill()')
  await program.stop('SIGTERM')
})

test('what the disk was sent is what was synced, not the folios that it lies in', async (context) => {
  const program = puppet('written')
  await told(program, `globalThis.file = fs.openSync(${JSON.stringify(join(folder, 'written'))}, 'w'); fs.writeSync(file, Buffer.alloc(16 << 20)); fs.fsyncSync(file)`)
  const start = moment({}, folder)
  if (start.disk === undefined) {
    await program.stop('SIGTERM')
    return context.skip('the folder for temporary files is not on a disk')
  }
  const [times, bytes] = [200, 8 << 10]
  await told(program, `for (let n = 0; n < ${times}; n += 1) { fs.writeSync(file, Buffer.alloc(${bytes}, 1), 0, ${bytes}, n * ${bytes}); fs.fdatasyncSync(file) }`)
  const { writtenBytes } = between(start, moment({}, folder))
  assert.ok(writtenBytes >= times * bytes, `${times} writes of ${bytes} bytes were counted as ${writtenBytes}`)
  await program.stop('SIGTERM')
})

test('disk is the lengths of all files below a folder', () => {
  writeFileSync(join(folder, 'a'), 'x'.repeat(1_000))
  const before = fileBytes(folder)
  writeFileSync(join(folder, 'b'), 'x'.repeat(234))
  assert.equal(fileBytes(folder) - before, 234)
})

for (const [name, count] of [['perf', withPerf], ['strace', withStrace], ['what there is', (pids) => countSyncs({ program: pids[0] })]]) {
  test(`syncs are counted by ${name}, those of children that begin meanwhile too`, async (context) => {
    const program = puppet(`syncs-${name.split(' ')[0]}`)
    await told(program, `globalThis.file = fs.openSync(${JSON.stringify(join(folder, 'synced'))}, 'w')`)
    let counter
    try {
      counter = await count([program.pid])
    } catch (error) {
      await program.stop('SIGTERM')
      return context.skip(error.message)
    }
    const sync = (call, times) => `for (let n = 0; n < ${times}; n += 1) fs.${call}(file)`
    await told(program, sync('fdatasyncSync', 20))
    await told(program, sync('fsyncSync', 3))
    const child = `const fs = require('node:fs'), file = fs.openSync(${JSON.stringify(join(folder, 'by-child'))}, 'w'); fs.fsyncSync(file)`
    await told(program, `await new Promise((ended) => spawn(process.execPath, ['-e', ${JSON.stringify(child)}]).once('exit', ended))`)
    const { calls } = await counter.stop()
    assert.deepEqual(calls, { fdatasync: 20, fsync: 4, sync_file_range: 0, msync: 0 })
    await program.stop('SIGTERM')
  })
}

test('a host is driven in a closed loop, and what it says went wrong is an error', async () => {
  const loop = new URL('../driver/closed-loop.mjs', import.meta.url).href
  const script = `
    import { serve } from ${JSON.stringify(loop)}
    let running = 0, most = 0
    const one = async () => { most = Math.max(most, ++running); await new Promise(setImmediate); running -= 1 }
    const wrong = async () => { throw new Error('expected an output, found none; at most ' + most) }
    await serve({ one: { 'order-5': one, 'fan-out': wrong } })`
  const host = new Host({ name: 'the host', command: process.execPath, args: ['--input-type=module', '-e', script], log: join(folder, 'host.log') })
  await host.ready()
  const counted = await host.run({ workload: 'order-5', inFlight: 8, count: 100 })
  assert.equal(counted.answered, 100)
  assert.equal(counted.completed, 100)
  const timed = await host.run({ workload: 'order-5', inFlight: 8, warm: 0.1, seconds: 0.2 })
  assert.equal(timed.seconds, 0.2)
  assert.ok(timed.completed > 0 && timed.completed < timed.answered)
  await assert.rejects(host.run({ workload: 'fan-out', inFlight: 1, count: 1 }), /expected an output, found none; at most 8/)
  await host.stop()
})

test('several hosts are under one load: what is in flight is shared out, and what they completed is added up', async () => {
  const loop = new URL('../driver/closed-loop.mjs', import.meta.url).href
  const script = `
    import { serve } from ${JSON.stringify(loop)}
    let running = 0, most = 0
    const one = async () => { most = Math.max(most, ++running); await new Promise(setImmediate); running -= 1 }
    const most_ = async () => { throw new Error('at most ' + most) }
    await serve({ one: { 'order-5': one, 'fan-out': most_ } })`
  const host = (name) => new Host({ name, command: process.execPath, args: ['--input-type=module', '-e', script], log: join(folder, `${name}.log`) })
  const each = [host('first'), host('second'), host('third')]
  for (const host of each) await host.ready()
  const hosts = new Hosts(each)
  const counted = await hosts.run({ workload: 'order-5', inFlight: 8, count: 100 })
  assert.equal(counted.answered, 100)
  assert.equal(counted.completed, 100)
  for (const [at, most] of [[0, 3], [1, 3], [2, 2]]) await assert.rejects(each[at].run({ workload: 'fan-out', inFlight: 1, count: 1 }), new RegExp(`at most ${most}`))
  // One order is one order, however many there are to run it.
  assert.equal((await hosts.run({ workload: 'order-5', inFlight: 1, count: 1 })).answered, 1)
  await hosts.stop()
})

test('a program that ends too early is told with the end of its log', async () => {
  const early = new Program({ name: 'early', command: process.execPath, args: ['-e', 'console.error("no such file"); process.exit(3)'], log: join(folder, 'early.log'), dialogue: true })
  await assert.rejects(early.nextLine(), /early exited with 3; the end of its log: no such file/)
  const missing = new Program({ name: 'missing', command: join(folder, 'no-program'), log: join(folder, 'missing.log') })
  await assert.rejects(missing.until(() => false), /missing could not be started: .*ENOENT/)
})
