// Bars, as SVG by hand: on a card of their own, so that they can be read on a light page and on a dark one.

import { number } from './figures.mjs'

const WIDTH = 900
const LABEL = 310
/** Room right of the longest bar, for its value. */
const VALUE = 130
const BAR = 18
const GAP = 8
const HEAD = 78
const GROUP = 34
const FOOT = 46

const STYLE = `
  .card { fill: #ffffff; stroke: #d0d7de; }
  text { font: 13px system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .group { font-weight: 600; }
  .quiet { fill: #59636e; }
  .ours { fill: #0a7d55; }
  .peer { fill: #8c959f; }
  .spread { stroke: #1f2328; stroke-width: 1.5; }
  .grid { stroke: #e4e8ec; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #151b23; stroke: #3d444d; }
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .ours { fill: #2fbf87; }
    .peer { fill: #6e7681; }
    .spread { stroke: #f0f6fc; }
    .grid { stroke: #2a313c; }
  }`

/**
 * `groups` are `{name, bars: [{label, figure: {median, min, max}, ours}]}`; a bar ends at the median, a line says where least and
 * most were. `scale` is `linear`, from 0, or `log`.
 */
export function bars({ title, subtitle, axis, unit = '', scale = 'linear', groups }) {
  const shown = groups.map((group) => ({ ...group, bars: group.bars.filter(({ figure }) => figure) })).filter(({ bars }) => bars.length > 0)
  const all = shown.flatMap(({ bars }) => bars)
  if (all.length === 0) return undefined
  const ticks = scale === 'log' ? decades(all) : steps(Math.max(...all.map(({ figure }) => figure.max)))
  const x = place(scale, ticks)
  const height = HEAD + shown.reduce((sum, { bars }) => sum + GROUP + bars.length * (BAR + GAP), 0) + FOOT
  const bottom = height - FOOT
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    text(20, 32, title, 'title'),
    text(20, 54, subtitle, 'quiet'),
    ...ticks.map((tick) => `<line class="grid" x1="${x(tick)}" y1="${HEAD - 8}" x2="${x(tick)}" y2="${bottom}"/>`),
    ...ticks.map((tick) => text(x(tick), bottom + 16, number(tick), 'quiet', 'middle')),
    text((x(ticks[0]) + x(ticks.at(-1))) / 2, bottom + 35, axis, 'quiet', 'middle'),
  ]
  let y = HEAD
  for (const { name, bars } of shown) {
    parts.push(text(20, y + 20, name, 'group'))
    y += GROUP
    for (const bar of bars) {
      parts.push(...row(bar, x, y, unit))
      y += BAR + GAP
    }
  }
  return `${parts.join('\n')}\n</svg>\n`
}

function row({ label, figure, ours, mark }, x, y, unit) {
  const { median, min, max } = figure
  const middle = y + BAR / 2
  const [from, to] = [x.origin, x(median)]
  const spread = max > min ? [`<line class="spread" x1="${x(min)}" y1="${middle}" x2="${x(max)}" y2="${middle}"/>`] : []
  const end = Math.max(to, x(max)) + 8
  return [
    text(LABEL - 10, middle + 4.5, label, ours ? 'group' : '', 'end'),
    `<rect class="${ours ? 'ours' : 'peer'}" x="${from}" y="${y}" width="${Math.max(1, to - from).toFixed(1)}" height="${BAR}" rx="2"/>`,
    ...spread,
    text(end, middle + 4.5, `${number(median)}${unit}${mark ? ` ${mark}` : ''}`),
  ]
}

/** From a value to its place on the axis. */
function place(scale, ticks) {
  const [first, last] = [ticks[0], ticks.at(-1)]
  const share = scale === 'log' ? (value) => Math.log(value / first) / Math.log(last / first) : (value) => value / last
  const x = (value) => Number((LABEL + Math.max(0, share(value)) * (WIDTH - LABEL - VALUE)).toFixed(1))
  x.origin = LABEL
  return x
}

/** Four to six round numbers from 0 to the first above the greatest. */
function steps(most) {
  const size = 10 ** Math.floor(Math.log10(most / 4))
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * size).find((each) => most / each <= 5)
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, at) => at * step)
}

function decades(all) {
  const low = Math.floor(Math.log10(Math.min(...all.map(({ figure }) => figure.min))))
  const high = Math.ceil(Math.log10(Math.max(...all.map(({ figure }) => figure.max))))
  return Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at))
}

function text(x, y, content, kind = '', anchor = 'start') {
  return `<text x="${x}" y="${y}"${kind && ` class="${kind}"`}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}>${escape(content)}</text>`
}

function escape(content) {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
