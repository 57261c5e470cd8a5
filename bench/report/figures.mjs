// Medians and spreads of records, and how figures are written.

/** The records of one run of the plan, and what can be asked of them. */
export class Records {
  constructor(records) {
    this.machine = records.find((record) => record.run === 'machine') ?? {}
    this.all = records.filter((record) => record.run !== 'machine')
  }

  /** Those that have these fields; a function is asked about the field. */
  where(wanted) {
    const fits = (record) =>
      Object.entries(wanted).every(([name, value]) => (typeof value === 'function' ? value(record[name]) : record[name] === value))
    return this.all.filter(fits)
  }

  /** Of one field over all rounds: `{median, min, max, rounds}`, or nothing when it was not measured. */
  of(field, wanted) {
    return spread(this.where(wanted).map((record) => record[field]))
  }

  /** The rounds of a closed loop. */
  loop(workload, way, inFlight, field = 'per_second') {
    return this.of(field, { workload, way, ...(inFlight !== undefined && { in_flight: inFlight }) })
  }

  /** Of several ways the one with the best median: `{way, ...spread}`. */
  best(workload, ways, inFlight, field = 'per_second') {
    const found = ways.map((way) => ({ way, ...this.loop(workload, way, inFlight, field) })).filter(({ median }) => median !== undefined)
    const better = field === 'per_second' ? (a, b) => b.median - a.median : (a, b) => a.median - b.median
    return found.sort(better)[0]
  }
}

export function spread(values) {
  const sorted = values.filter((value) => typeof value === 'number' && Number.isFinite(value)).sort((a, b) => a - b)
  if (sorted.length === 0) return undefined
  const half = (sorted.length - 1) / 2
  const median = (sorted[Math.floor(half)] + sorted[Math.ceil(half)]) / 2
  return { median, min: sorted[0], max: sorted.at(-1), rounds: sorted.length }
}

/** Three digits that count, and no more. */
export function number(value) {
  if (value === undefined) return '–'
  const size = Math.abs(value)
  if (size >= 999.5) return Math.round(value).toLocaleString('en-US')
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3
  return String(Number(value.toFixed(digits)))
}

/** `9,759 (9,100–10,200)`: the median, and least and most when there were several rounds. */
export function spreadText(figure, unit = '') {
  if (figure === undefined) return '–'
  const { median, min, max, rounds } = figure
  return rounds > 1 ? `${number(median)}${unit} (${number(min)}–${number(max)})` : `${number(median)}${unit}`
}

export function times(ratio) {
  return ratio === undefined || !Number.isFinite(ratio) ? '–' : `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1)}x`
}

export function percent(share) {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
}

/** The first column is words; the others are figures, but with `words`. */
export function table(head, rows, words = false) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const rule = head.map((title, at) => (at === 0 || words ? '---' : '--:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}
