// Evaluates expressions with Node's own JavaScript. Reads [{expression, scope}] from stdin, prints one encoded value for each.
import { readFileSync } from 'node:fs'

const builtins = new Set(['Math', 'Object', 'Array', 'Number', 'String', 'Boolean', 'JSON', 'NaN', 'Infinity', 'undefined',
  'parseInt', 'parseFloat', 'isNaN', 'isFinite', 'encodeURIComponent'])

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
  let run
  try {
    run = new Function('scope', `with (scope) { return (${expression}\n) }`)
  } catch (error) {
    return { syntax: String(error.message) }
  }
  try {
    return encode(run(names(JSON.parse(scope))))
  } catch (error) {
    return { thrown: true }
  }
}

const cases = JSON.parse(readFileSync(0, 'utf8'))
process.stdout.write(JSON.stringify(cases.map(evaluate)))
