// Evaluates expressions with Node's own JavaScript. Reads lines, each a list [{expression, scope}], and prints for each a line: the
// list of their values, encoded.
import { createInterface } from 'node:readline'
import vm from 'node:vm'

const builtins = new Set(['Math', 'Object', 'Array', 'Number', 'String', 'Boolean', 'JSON', 'NaN', 'Infinity', 'undefined',
  'parseInt', 'parseFloat', 'isNaN', 'isFinite', 'encodeURIComponent'])
/** An expression takes a millisecond; what does not end would hold up the test for ever. */
const TIMEOUT_MS = 2_000

/** A world of its own, in which no expression can change what the next one sees. */
const realm = vm.createContext(Object.create(null))
vm.runInContext(
  `for (const name of Object.getOwnPropertyNames(globalThis)) {
    const value = globalThis[name]
    if (typeof value === 'function' && value.prototype) Object.freeze(value.prototype)
    if (value !== globalThis && (typeof value === 'function' || (value && typeof value === 'object'))) Object.freeze(value)
  }`,
  realm,
)
const parse = vm.runInContext('JSON.parse', realm)

// A name that is in no scope is `undefined`, and only own fields of the scope are names.
function names(scope) {
  return new Proxy(scope, {
    has: (_, name) => typeof name === 'string' && !builtins.has(name),
    get: (_, name) => (typeof name === 'string' && Object.hasOwn(scope, name) ? scope[name] : undefined),
  })
}

function encode(value) {
  if (value === undefined) return { undefined: true }
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return { number: Object.is(value, -0) ? '-0' : String(value) }
  if (typeof value === 'string') return value.toWellFormed()
  if (Array.isArray(value)) return Array.from(value, encode)
  if (typeof value === 'object') return { fields: Object.entries(value).map(([key, field]) => [key.toWellFormed(), encode(field)]) }
  return { unexpected: typeof value }
}

function evaluate({ expression, scope }) {
  let script
  try {
    // `1) + (2` is no expression, though it is one between parentheses.
    vm.compileFunction(`return [${expression}\n]`)
    script = new vm.Script(`with (scope) (${expression}\n)`)
  } catch (error) {
    return { syntax: String(error.message) }
  }
  try {
    realm.scope = names(parse(scope))
    return encode(script.runInContext(realm, { timeout: TIMEOUT_MS }))
  } catch (error) {
    return error?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT' ? { endless: true } : { thrown: true }
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(`${JSON.stringify(JSON.parse(line).map(evaluate))}\n`)
}
