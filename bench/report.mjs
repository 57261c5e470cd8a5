// Makes tables and charts of the records that `bench/run.mjs` left.
//
//   node bench/report.mjs [--records FILE] [--postgres FILE]   bench/RESULTS.md, bench/results*.json, bench/charts/, the table in README.md
//   node bench/report.mjs --print [--records FILE]             a summary to the terminal, and nothing else
//
// The runs on PostgreSQL have records of their own. Either file is that of the newest run here, or else the one that an earlier report
// has left in the tree.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { ROOT } from './plan.mjs'
import { charts } from './report/charts.mjs'
import { Records } from './report/figures.mjs'
import { readme, results, summary } from './report/pages.mjs'

const WHY = 'bench/WHY.md'
const RECORDS = { run: 'bench/.run/records.jsonl', kept: 'bench/results.json' }
const POSTGRES = { run: 'bench/.run/postgres.jsonl', kept: 'bench/results-postgres.json' }
const MARKERS = ['<!-- bench: made by bench/report.mjs -->', '<!-- bench: end -->']

function main() {
  const options = { records: { type: 'string' }, postgres: { type: 'string' }, print: { type: 'boolean', default: false } }
  const { values } = parseArgs({ options })
  process.chdir(ROOT)
  const lines = readLines(values.records ?? newest(RECORDS))
  const records = new Records(lines)
  if (values.print) {
    process.stdout.write(`${summary(records)}\n`)
    return
  }
  const postgresFile = values.postgres ?? newest(POSTGRES)
  const postgresLines = existsSync(postgresFile) ? readLines(postgresFile) : []
  const onPostgres = new Records(postgresLines)
  const drawn = charts(records)
  rmSync('bench/charts', { recursive: true, force: true })
  mkdirSync('bench/charts', { recursive: true })
  for (const [name, svg] of Object.entries(drawn)) writeFileSync(join('bench/charts', `${name}.svg`), svg)
  writeFileSync('bench/RESULTS.md', results(records, Object.keys(drawn), why(), onPostgres))
  keep(RECORDS.kept, lines)
  if (postgresLines.length > 0) keep(POSTGRES.kept, postgresLines)
  writeFileSync('README.md', between(readFileSync('README.md', 'utf8'), readme(records, onPostgres)))
}

function newest({ run, kept }) {
  return existsSync(run) ? run : kept
}

/** One record a line, so that a diff shows what changed. */
function keep(file, lines) {
  writeFileSync(file, `[\n${lines.map((line) => JSON.stringify(line)).join(',\n')}\n]\n`)
}

/** Figures do not say why a goal is not reached, and what would close it: people write that, in a file of its own. */
function why() {
  return existsSync(WHY) ? readFileSync(WHY, 'utf8').trim() : ''
}

/** Lines of JSON, or the array that this program writes. */
function readLines(file) {
  const text = readFileSync(file, 'utf8')
  return text.startsWith('[') ? JSON.parse(text) : text.split('\n').filter(Boolean).map((line) => JSON.parse(line))
}

function between(text, content) {
  const [begin, end] = MARKERS
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`expected the lines \`${begin}\` and \`${end}\` in README.md, where the table goes`)
  return `${text.slice(0, from)}${begin}\n\n${content}\n\n${text.slice(to)}`
}

main()
