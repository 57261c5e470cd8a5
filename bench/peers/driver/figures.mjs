// How figures are made and rounded.

/** Of times in microseconds; the same ones as the load generator gives. */
export function percentiles(micros) {
  micros.sort((a, b) => a - b)
  const at = (share) => micros[Math.round((micros.length - 1) * share)] / 1_000
  return { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999), max_ms: at(1) }
}

/** More digits than any of the figures has. */
export function digits(value) {
  return Math.round(value * 1_000) / 1_000
}

export function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value, name)]))
}
