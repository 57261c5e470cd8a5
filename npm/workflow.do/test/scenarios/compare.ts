/**
 * What was seen against what a scenario expects: the same rules as `crates/core/src/scenario/compare.rs`, described in
 * `testdata/scenarios/README.md`.
 */

import { native } from '../../src/native.js'

export type Json = null | boolean | number | string | Json[] | { [field: string]: Json | undefined }
export type JsonObject = { [field: string]: Json | undefined }

/** When the clock of a scenario stands at its start: 2023-11-14T22:13:20Z. */
export const STARTS_AT = 1_700_000_000_000

/** What the names in an expectation stand for. */
export interface Names {
  /** `<id>`: the execution that is looked at. */
  id: string
  /** `<id order>`: the newest execution of that workflow. */
  ids: ReadonlyMap<string, string>
}

/** An entry of a history in a few words: `step_start charge (2)`. */
export function compact(entry: JsonObject): string {
  const step = entry.stepId === undefined ? '' : ` ${String(entry.stepId)}`
  const attempt = entry.attempt === undefined ? '' : ` (${String(entry.attempt)})`
  return `${String(entry.type)}${step}${attempt}`
}

/** What is not as expected, each difference with where it is. */
export function differences(expected: Json, seen: Json | undefined, names: Names): string[] {
  const found: string[] = []
  compare('', expected, seen, names, found)
  return found
}

/** What is not as expected of the entries that a command added: some are expected in a few words, some as objects. */
export function entryDifferences(expected: Json[], seen: JsonObject[], names: Names): string[] {
  const entries = seen.map((entry, index) => (isObject(expected[index]) ? { ...entry, entry: compact(entry) } : compact(entry)))
  return differences(expected, entries, names)
}

/** `step_start charge` is enough for `step_start charge (1)`. */
export function isEntry(expected: string, found: string): boolean {
  return expected === found || expected === found.replace(/ \(\d+\)$/, '')
}

/** The length of a duration such as `5s`, in milliseconds. */
export function span(text: string): number {
  return native().milliseconds(text)
}

function compare(at: string, expected: Json, seen: Json | undefined, names: Names, found: string[]): void {
  const differ = () =>
    found.push(`${at === '' ? '(whole)' : at}: expected ${JSON.stringify(expected)}, found ${seen === undefined ? 'nothing' : JSON.stringify(seen)}`)
  if (expected === '<absent>') {
    if (seen !== undefined) differ()
  } else if (seen === undefined) {
    differ()
  } else if (isObject(expected)) {
    if (!isObject(seen)) return void differ()
    const exactly = expected['=']
    if (isObject(exactly) && Object.keys(expected).length === 1) {
      compare(at, exactly, seen, names, found)
      for (const field of Object.keys(seen)) {
        if (!(field in exactly)) found.push(`${at}: \`${field}\` was not expected`)
      }
      return
    }
    for (const [field, value] of Object.entries(expected)) compare(`${at}/${field}`, value as Json, seen[field], names, found)
  } else if (Array.isArray(expected)) {
    if (!Array.isArray(seen) || seen.length !== expected.length) return void differ()
    expected.forEach((element, index) => compare(`${at}/${index}`, element, seen[index], names, found))
  } else if (typeof expected === 'string') {
    if (!matches(expected, seen, names)) differ()
  } else if (expected !== seen) {
    differ()
  }
}

function matches(text: string, found: Json, names: Names): boolean {
  if (text.startsWith('@') && typeof found === 'number') {
    const [from, to] = text.slice(1).split('..') as [string, string?]
    return STARTS_AT + span(from) <= found && found <= STARTS_AT + span(to ?? from)
  }
  if (typeof found !== 'string') return false
  let named = text.replaceAll('<id>', names.id)
  for (const [workflow, id] of names.ids) named = named.replaceAll(`<id ${workflow}>`, id)
  return named.startsWith('~') ? found.includes(named.slice(1)) : isEntry(named, found)
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
