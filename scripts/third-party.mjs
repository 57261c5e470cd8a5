#!/usr/bin/env node
/**
 * The licences of everything that is compiled into the `workflow` binary and the addon, and of what the page in them is made of, with
 * their texts: whoever is given either is given this. Made from `cargo metadata` and the sources that cargo has fetched, and from
 * `ui/node_modules` where `ui/dist` was built; what has no text of its own gets that of its licence by others, or fails.
 *
 *   node scripts/third-party.mjs FILE
 */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const SHIPPED = ['workflow-cli', 'workflow-node']
/** Which of several licences is taken, the first that is offered. */
const PREFERRED = ['MIT', 'Apache-2.0', 'BSD-3-Clause', 'BSD-2-Clause', 'ISC', 'Zlib', 'Unicode-3.0', 'BSL-1.0', 'Unlicense']
const IS_NOTICE = /^(licen[cs]e|copying|notice|unlicense|copyright)/i

const [output] = process.argv.slice(2)
if (output === undefined) throw new Error('usage: node scripts/third-party.mjs FILE')

const crates = shipped()
const ofPage = existsSync(join(ROOT, 'ui/dist/index.html')) ? pagePackages() : []
const packages = [...crates, ...ofPage]
const texts = new Map()
const lacking = []
for (const found of packages) {
  found.notices = notices(found)
  for (const text of found.notices) {
    const key = createHash('sha256').update(normalised(text)).digest('hex')
    if (!texts.has(key)) texts.set(key, { text: text.trim(), of: [] })
    texts.get(key).of.push(found)
  }
  if (found.notices.length === 0) lacking.push(found)
}
// Several crates of one repository often leave the text at its root, which is not in what is published.
const unsaid = lacking.filter(({ license }) => !PREFERRED.some(name => words(license).includes(name)))
if (unsaid.length > 0) {
  throw new Error(`no text and no known licence: ${unsaid.map(({ name, version, license }) => `${name} ${version} (${license})`).join(', ')}`)
}

mkdirSync(dirname(join(process.cwd(), output)), { recursive: true })
writeFileSync(output, document())
process.stderr.write(`${output}: ${crates.length} crates, ${ofPage.length} packages of the page, ${texts.size} texts, ${lacking.length} without a text of their own\n`)

/** What is linked: no build scripts, no macros, no tests; for every platform that something is published for. */
function shipped() {
  const metadata = JSON.parse(
    execFileSync('cargo', ['metadata', '--locked', '--format-version', '1'], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] })
  )
  const byId = new Map(metadata.packages.map(one => [one.id, one]))
  const nodes = new Map(metadata.resolve.nodes.map(node => [node.id, node]))
  const isMacro = one => one.targets.some(({ kind }) => kind.includes('proc-macro'))
  const seen = new Set()
  const left = metadata.packages.filter(one => SHIPPED.includes(one.name)).map(({ id }) => id)
  if (left.length !== SHIPPED.length) throw new Error(`expected the packages ${SHIPPED.join(', ')} in the workspace`)
  while (left.length > 0) {
    const id = left.pop()
    if (seen.has(id)) continue
    seen.add(id)
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      if (kinds.some(({ kind }) => kind === null) && !isMacro(byId.get(pkg))) left.push(pkg)
    }
  }
  const foreign = [...seen].map(id => byId.get(id)).filter(({ source }) => source !== null)
  return foreign.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1))
}

/** What the page needs when it runs, however deep. Types are gone by then. */
function pagePackages() {
  const found = new Map()
  const take = (folder, from) => {
    const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    for (const name of Object.keys(dependencies).filter(name => !name.startsWith('@types/'))) {
      const places = [...from, folder].reverse().map(place => join(place, 'node_modules', name))
      const at = places.find(place => existsSync(join(place, 'package.json')))
      if (at === undefined) throw new Error(`ui/dist is there and the package ${name} is not: scripts/ui.sh installs it`)
      if (found.has(at)) continue
      const { version, license, repository, author } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8'))
      if (!PREFERRED.includes(license)) throw new Error(`the page needs ${name} ${version}, whose licence is ${license}: expected one of ${PREFERRED.join(', ')}`)
      const authors = [author?.name ?? author ?? 'its authors']
      found.set(at, { name, version, license, repository: repository?.url ?? repository, authors, manifest_path: join(at, 'package.json') })
      take(at, [...from, folder])
    }
  }
  take(join(ROOT, 'ui'), [])
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function notices({ manifest_path: manifest, license_file: file }) {
  const folder = dirname(manifest)
  const names = new Set(readdirSync(folder).filter(name => IS_NOTICE.test(name)))
  if (file != null) names.add(file)
  return [...names].sort().map(name => join(folder, name)).filter(path => statSync(path).isFile()).map(path => readFileSync(path, 'utf8'))
}

function words(license) {
  return (license ?? '').split(/[\s()/]+/)
}

function normalised(text) {
  return text.replace(/\s+/g, ' ').trim()
}

function document() {
  const rule = '-'.repeat(100)
  const list = packages.map(({ name, version, license, repository }) => `${name} ${version}: ${license ?? 'see its text'}${repository ? `, ${repository}` : ''}`)
  const bodies = [...texts.values()].map(({ text, of }) => `${rule}\n${of.map(({ name, version }) => `${name} ${version}`).join(', ')}\n${rule}\n\n${text}\n`)
  const without = lacking.map(({ name, version, license, authors }) => `${name} ${version}: ${license}${authors.length > 0 ? `; by ${authors.join(', ')}` : ''}`)
  return [
    'The workflow.do binary and addon contain the crates and the packages of npm below, each under its own licence. SQLite, which is compiled in, is in the public domain.',
    list.join('\n'),
    bodies.join('\n'),
    `${rule}\nThese come without a text of their own; that of their licence stands above.\n${rule}\n\n${without.join('\n')}\n`
  ].join('\n\n')
}
