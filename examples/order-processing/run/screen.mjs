// What a person sees: notes that stay, one line of progress, and tables. On a terminal the progress is a bar drawn in
// place, with colours; anywhere else it is a plain line every few seconds, so that a log stays readable.

const PLAIN_EVERY_MS = 2000
const LIVE_EVERY_MS = 80
// Room for the longest text, so that the bar keeps its length while the numbers grow.
const TEXT_WIDTH = 52

export function createScreen(out = process.stdout, environment = process.env) {
  const live = Boolean(out.isTTY) && environment.TERM !== 'dumb'
  const colour = live && !environment.NO_COLOR
  const paint = (code) => (text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : String(text))
  const style = { bold: paint(1), dim: paint(2), red: paint(31), green: paint(32), yellow: paint(33), cyan: paint(36) }
  let drawn = false
  let shownAt = 0

  const erase = () => {
    if (drawn) out.write('\r\x1b[2K')
    drawn = false
  }
  return {
    style,
    /** A line that stays. */
    note(text = '') {
      erase()
      out.write(`${text}\n`)
    },
    /** How far it is: `done` of `total`, the bar's parts, and what else there is to say. Cheap to call often. */
    progress({ done, total, text }) {
      const now = Date.now()
      if (now - shownAt < (live ? LIVE_EVERY_MS : PLAIN_EVERY_MS)) return
      shownAt = now
      const percent = `${Math.floor((done / total) * 100)}%`.padStart(4)
      if (!live) return void out.write(`  ${percent}  ${text}\n`)
      const width = Math.max(10, Math.min(32, (out.columns ?? 80) - TEXT_WIDTH - 10))
      const line = `  ${bar(done / total, width, style)} ${percent}  ${text}`
      erase()
      // A line that wraps could not be erased with one \r.
      out.write(colour ? line : line.slice(0, (out.columns ?? 80) - 1))
      drawn = true
    },
    done: erase,
    table: (rows) => table(rows, style).forEach((line) => out.write(`  ${line}\n`)),
  }
}

/** Without colours the two parts still differ. */
function bar(share, width, style) {
  const full = Math.round(Math.min(1, share) * width)
  return style.green('━'.repeat(full)) + style.dim('╌'.repeat(width - full))
}

/** Three columns: what, how much, and a remark; a row that is null is a rule. */
export function table(rows, style) {
  const cells = rows.filter(Boolean)
  const [what, much, remark] = ['label', 'value', 'note'].map((name) => Math.max(...cells.map((row) => (row[name] ?? '').length)))
  const edge = style.dim('│')
  const rule = (left, cross, right) =>
    style.dim(left + [what, much, remark].map((width) => '─'.repeat(width + 2)).join(cross) + right)
  const body = rows.map((row) => {
    if (!row) return rule('├', '┼', '┤')
    const value = row.value.padStart(much)
    return `${edge} ${row.label.padEnd(what)} ${edge} ${row.strong ? style.bold(style.green(value)) : value} ${edge} ${style.dim((row.note ?? '').padEnd(remark))} ${edge}`
  })
  return [rule('┌', '┬', '┐'), ...body, rule('└', '┴', '┘')]
}

export const count = (n) => n.toLocaleString('en-US')
export const seconds = (ms) => (ms < 950 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`)
