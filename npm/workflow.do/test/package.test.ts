/** The package as npm packs and installs it: without a registry, in a folder that has nothing else. */

import assert from 'node:assert/strict'
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { after, afterEach, before, test } from 'node:test'

import { PLATFORMS } from '../src/addon.js'
import { packageRoot, repository } from './places.js'

interface Manifest {
  name: string
  version: string
  main: string
  files: string[]
  os: string[]
  cpu: string[]
  libc?: string[]
  napi: { binaryName: string; targets: string[] }
}

const manifest = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Manifest
const { name, version } = manifest(join(packageRoot, 'package.json'))
const here = mkdtempSync(join(tmpdir(), 'workflow-package-'))
/** A folder with the package installed from its tarball. */
const consumer = join(here, 'consumer')
const installed = join(consumer, 'node_modules', 'workflow.do')
const children: ChildProcess[] = []
let packed: string[]
let addon: string

/** Runs a program with the Node that runs the tests, as npm's own programs do then too. */
function start(command: string, args: string[], options: SpawnOptions = {}) {
  // Settings of the npm that runs these tests are not those of whoever installs the package.
  const inherited = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_'))
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`
  const env = { ...Object.fromEntries(inherited), PATH, NO_COLOR: '1', ...options.env }
  const child = spawn(command, args, { cwd: consumer, stdio: ['ignore', 'pipe', 'pipe'], ...options, env })
  children.push(child)
  return child
}

async function run(command: string, args: string[], options: SpawnOptions = {}) {
  const child = start(command, args, options)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')])
  return { code: code as number | null, stdout, stderr, all: `${stdout}${stderr}` }
}

async function succeed(command: string, args: string[], options: SpawnOptions = {}) {
  const ran = await run(command, args, options)
  assert.equal(ran.code, 0, `${command} ${args.join(' ')}: ${ran.all}`)
  return ran.stdout
}

/** A folder with a package.json and nothing installed. */
function emptyFolder(name: string): string {
  const folder = join(here, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }))
  return folder
}

const npm = (args: string[], cwd = consumer) => succeed('npm', args, { cwd })
const install = (cwd: string, ...tarballs: string[]) => npm(['install', '--offline', '--no-audit', '--no-fund', ...tarballs], cwd)
const script = (source: string, ...flags: string[]) => run(process.execPath, [...flags, '--input-type=module', '--eval', source])

before(async () => {
  emptyFolder('consumer')
  const args = ['pack', '--json', '--foreground-scripts=false', '--pack-destination', here]
  // The release profile takes minutes; what is packed is the same.
  const answer = JSON.parse(await succeed('npm', args, { cwd: packageRoot, env: { WORKFLOW_ADDON: 'dev' } }))
  const [tarball] = Object.values(answer) as { filename: string; files: { path: string }[] }[]
  packed = tarball!.files.map((file) => file.path).sort()
  addon = packed.find((file) => file.endsWith('.node'))!
  await install(consumer, join(here, tarball!.filename))
})

// Of a test that failed; those that ended are not touched.
afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')))

after(() => rmSync(here, { recursive: true, force: true }))

test('the tarball holds what is needed and nothing else', () => {
  const modules = readdirSync(join(packageRoot, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const compiled = modules.flatMap((file) => ['js', 'd.ts'].map((kind) => `dist/${file.replace(/ts$/, kind)}`))
  const platform = PLATFORMS.find((platform) => addon === `workflow-do.${platform}.node`)
  assert.ok(platform, addon)
  assert.deepEqual(packed, [...compiled, addon, 'LICENSE', 'README.md', 'THIRD-PARTY-LICENSES.txt', 'package.json'].sort())
  const licences = readFileSync(join(installed, 'THIRD-PARTY-LICENSES.txt'), 'utf8')
  assert.match(licences, /^tokio \d/m)
  assert.match(licences, /Permission is hereby granted/)
})

test('installed without a registry, the order runs', async () => {
  copyFileSync(join(packageRoot, 'test/package/order.mjs'), join(consumer, 'order.mjs'))
  assert.equal(await succeed(process.execPath, ['order.mjs']), 'the order is completed\n')
})

test('npx workflow.do is the command line, and says so in its help', async () => {
  const help = await succeed('npx', ['workflow.do', '--help'])
  assert.match(help, /Usage: npx workflow\.do/)
  assert.match(help, /npx workflow\.do register order\.json/)
  assert.equal(await succeed('npx', ['workflow.do', '--version']), `workflow ${version}\n`)
  assert.equal(await succeed('npx', ['workflow.do', 'eval', '--json', '20 + 22']), '42\n')
  const wrong = await run('npx', ['workflow.do', 'sevre'])
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /unrecognized subcommand 'sevre'/)
  const refused = await run('npx', ['workflow.do', 'eval', '1 +'])
  assert.equal(refused.code, 1)
  const fromInput = start('npx', ['workflow.do', 'validate', '-'], { stdio: ['pipe', 'pipe', 'inherit'] })
  fromInput.stdin!.end('{"id": "a", "steps": [{"id": "x", "action": "noop"}]}')
  assert.equal(await text(fromInput.stdout!), '✓ ok: a (1 step)\n')
})

test('the command on the path is called by its own name', async () => {
  const bin = join(consumer, 'node_modules', '.bin')
  const onPath = { env: { PATH: `${bin}${delimiter}${dirname(process.execPath)}${delimiter}${process.env['PATH']}` } }
  assert.match(await succeed('workflow', ['--help'], onPath), /Usage: workflow \[/)
  assert.match(await succeed('workflow.do', ['--help'], onPath), /Usage: workflow\.do \[/)
})

test('npx workflow.do serve answers, and a SIGTERM stops it in order', async () => {
  const child = start('npx', ['workflow.do', 'serve', '--json', '--db', ':memory:', '--listen', '127.0.0.1:0'])
  const log = text(child.stderr!)
  const closed = once(child, 'close')
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string]
  const { url, pid } = JSON.parse(line) as { url: string; pid: number }
  const answer = await fetch(`${url}/api/v1/workflows`)
  assert.deepEqual(await answer.json(), { workflows: [] })
  process.kill(pid, 'SIGTERM')
  const [code] = await closed
  assert.equal(code, 0, await log)
  assert.match(await log, /stopping.*SIGTERM[^]*stopped/)
})

test('a second signal ends a stop that waits for a step', async (t) => {
  // An action that is called and never answers.
  const action = createServer((request, response) => {
    if (request.method === 'GET') response.end('{"actions": ["hang"]}')
    else called()
  })
  let called = () => {}
  const isCalled = new Promise<void>((resolve) => (called = resolve))
  await once(action.listen(0, '127.0.0.1'), 'listening')
  t.after(() => action.close().closeAllConnections())

  const args = ['serve', '--json', '--db', ':memory:', '--listen', '127.0.0.1:0', '--stop-within', '10m']
  const child = start(process.execPath, [join(installed, 'dist/cli.js'), ...args])
  const closed = once(child, 'close')
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string]
  const send = async (method: string, path: string, body: unknown) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${JSON.parse(line).url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) })
    assert.ok(answer.ok, await answer.text())
  }
  await send('PUT', '/endpoints/hanging', { url: `http://127.0.0.1:${(action.address() as AddressInfo).port}` })
  await send('PUT', '/workflows/w', { id: 'w', steps: [{ id: 'a', action: 'hang' }] })
  await send('POST', '/workflows/w/executions', {})
  await isCalled
  const log = createInterface(child.stderr!)
  child.kill('SIGTERM')
  for await (const line of log) if (line.includes('stopping')) break
  child.kill('SIGINT')
  assert.deepEqual(await closed, [130, null])
})

for (const [module, moduleResolution] of [
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler']
]) {
  test(`its types are found with moduleResolution ${moduleResolution}`, async () => {
    const folder = join(consumer, moduleResolution!)
    mkdirSync(folder)
    copyFileSync(join(packageRoot, 'test/package/consumer.ts'), join(folder, 'consumer.ts'))
    const compilerOptions = { module, moduleResolution, target: 'es2022', strict: true, noEmit: true, skipLibCheck: false, types: [] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
    await succeed(process.execPath, [join(packageRoot, 'node_modules/typescript/bin/tsc'), '-p', folder])
  })
}

test('under the workerd condition the import says what is not there yet', async () => {
  const ran = await script("import { Workflow, WorkflowError, defineWorkflow } from 'workflow.do'", '--conditions=workerd')
  assert.equal(ran.code, 1)
  assert.match(ran.stderr, /Error: workflow\.do .*Durable Objects/)
})

test('every name that the package exports can be imported under the workerd condition too, so that its message is what is seen', async () => {
  const names = JSON.parse((await script("console.log(JSON.stringify(Object.keys(await import('workflow.do'))))")).stdout) as string[]
  assert.ok(names.includes('Workflow'))
  const ran = await script(`import { ${names.join(', ')} } from 'workflow.do'`, '--conditions=workerd')
  assert.match(ran.stderr, /Error: workflow\.do .*Durable Objects/)
})

test('require works where Node can require a module, and elsewhere Node says why not', async () => {
  const source = "console.log(typeof require('workflow.do').Workflow)"
  const ran = await run(process.execPath, ['--input-type=commonjs', '--eval', source])
  if ((process.features as { require_module?: boolean }).require_module) {
    assert.equal(ran.stdout, 'function\n', ran.stderr)
  } else {
    assert.match(ran.stderr, /ERR_REQUIRE_ESM/)
  }
})

/** What whoever uses the class is told. */
const used = "const { Workflow } = await import('workflow.do'); await new Workflow({ store: ':memory:' }).listDefinitions()"

test('a missing addon is an error that names the platform, what was looked for, and what to do', async () => {
  const file = join(installed, addon)
  renameSync(file, `${file}.away`)
  const { stderr } = await script(used)
  const commandLine = await run(process.execPath, [join(installed, 'dist/cli.js'), '--help'])
  renameSync(`${file}.away`, file)
  const platform = addon.split('.')[1]
  assert.equal(commandLine.code, 1)
  assert.match(commandLine.stderr, /^error: the addon of workflow\.do for .* is missing/)
  assert.match(stderr, new RegExp(`the addon of workflow\\.do for ${platform} is missing`))
  assert.ok(stderr.includes(file) && stderr.includes(`workflow.do-${platform}`), stderr)
  assert.match(stderr, /run 'npm install' again/)
})

test('on a platform without an addon the error says which there are', async () => {
  const { stderr } = await script(`Object.defineProperty(process, 'platform', { value: 'sunos' }); ${used}`)
  assert.match(stderr, /for sunos-\w+ is missing/)
  assert.ok(stderr.includes(PLATFORMS.join(', ')), stderr)
})

test('an addon that cannot be loaded is an error with the reason of the system', async () => {
  const file = join(installed, addon)
  renameSync(file, `${file}.away`)
  writeFileSync(file, 'no library')
  const { stderr } = await script(used)
  renameSync(`${file}.away`, file)
  assert.match(stderr, /the addon of workflow\.do cannot be loaded from .*\.node with Node\.js v\d+.*: .*(invalid ELF header|file too short)/)
})

test('as it is published, with the addon in a package of its own, it runs, and refuses another version of that package', async () => {
  const platform = addon.split('.')[1]!
  const folder = emptyFolder('published')
  const platformPackage = join(here, platform)
  cpSync(join(packageRoot, 'npm', platform), platformPackage, { recursive: true })
  copyFileSync(join(installed, addon), join(platformPackage, addon))
  // What `napi pre-publish` does before the release workflow packs without an addon.
  const main = join(here, 'main')
  cpSync(installed, main, { recursive: true })
  rmSync(join(main, addon))
  const optionalDependencies = Object.fromEntries(PLATFORMS.map((platform) => [`${name}-${platform}`, version]))
  const { scripts: _, ...rest } = JSON.parse(readFileSync(join(main, 'package.json'), 'utf8'))
  writeFileSync(join(main, 'package.json'), JSON.stringify({ ...rest, optionalDependencies }))
  const tarballs = []
  for (const made of [platformPackage, main]) {
    const lines = (await npm(['pack', made, '--pack-destination', here], here)).trim().split('\n')
    tarballs.push(join(here, lines.at(-1)!))
  }
  await install(folder, ...tarballs)
  copyFileSync(join(packageRoot, 'test/package/order.mjs'), join(folder, 'order.mjs'))
  assert.equal(await succeed(process.execPath, ['order.mjs'], { cwd: folder }), 'the order is completed\n')

  const file = join(folder, 'node_modules', `${name}-${platform}`, 'package.json')
  writeFileSync(file, JSON.stringify({ ...manifest(file), version: '0.0.1' }))
  const { stderr } = await run(process.execPath, ['order.mjs'], { cwd: folder })
  assert.match(stderr, new RegExp(`workflow\\.do-${platform} is 0\\.0\\.1, but workflow\\.do is ${version}`))
})

test('every platform has its package, with the version of the main one', () => {
  const { napi } = manifest(join(packageRoot, 'package.json'))
  assert.equal(napi.targets.length, PLATFORMS.length)
  assert.deepEqual(readdirSync(join(packageRoot, 'npm')).sort(), [...PLATFORMS].sort())
  for (const platform of PLATFORMS) {
    const found = manifest(join(packageRoot, 'npm', platform, 'package.json'))
    const [os, cpu, abi] = platform.split('-')
    const libc = os === 'linux' ? [abi === 'gnu' ? 'glibc' : 'musl'] : undefined
    const file = `${napi.binaryName}.${platform}.node`
    assert.deepEqual(
      { name: found.name, version: found.version, main: found.main, files: found.files, os: found.os, cpu: found.cpu, libc: found.libc },
      { name: `${name}-${platform}`, version, main: file, files: [file], os: [os], cpu: [cpu], libc }
    )
  }
})

test('the package has the version of the Rust workspace, and its licence', () => {
  const workspace = readFileSync(join(repository, 'Cargo.toml'), 'utf8').match(/^version = "(.*)"/m)?.[1]
  assert.equal(version, workspace)
  assert.equal(readFileSync(join(packageRoot, 'LICENSE'), 'utf8'), readFileSync(join(repository, 'LICENSE'), 'utf8'))
})

test('npm publish is left to the release workflow', async () => {
  const prepack = (env: NodeJS.ProcessEnv) => run(process.execPath, [join(packageRoot, 'scripts/prepack.mjs')], { env })
  const published = await prepack({ npm_command: 'publish', WORKFLOW_ADDON: 'dev' })
  assert.notEqual(published.code, 0)
  assert.match(published.stderr, /publish with \.github\/workflows\/release\.yml/)
  const without = await prepack({ npm_command: 'publish', WORKFLOW_ADDON: 'none' })
  assert.notEqual(without.code, 0)
  assert.match(without.stderr, /needs one dependency for each of its 7 platforms, but has 0/)
  assert.ok(basename(addon))
})
