/** Fenced blocks and tables of a Markdown text, each under the heading that it stands below. */

export interface Block {
  heading: string
  language: string
  text: string
  /** Of its first line, from 1. */
  line: number
}

export interface Table {
  heading: string
  head: string[]
  rows: string[][]
}

export function blocks(markdown: string): Block[] {
  const found: Block[] = []
  let heading = ''
  let open: Block | undefined
  for (const [index, line] of markdown.split('\n').entries()) {
    const fence = /^```(?<language>.*)$/.exec(line)
    if (open === undefined) {
      heading = /^#+ (?<heading>.+)$/.exec(line)?.groups?.['heading'] ?? heading
      if (fence) open = { heading, language: fence.groups?.['language'] ?? '', text: '', line: index + 2 }
    } else if (fence) {
      found.push(open)
      open = undefined
    } else {
      open.text += `${line}\n`
    }
  }
  if (open !== undefined) throw new Error(`the block below "${open.heading}" does not end`)
  return found
}

export function tables(markdown: string): Table[] {
  const found: Table[] = []
  let heading = ''
  let open: Table | undefined
  for (const line of markdown.split('\n')) {
    heading = /^#+ (?<heading>.+)$/.exec(line)?.groups?.['heading'] ?? heading
    if (!line.startsWith('|')) {
      open = undefined
      continue
    }
    const cells = line
      .slice(1, line.lastIndexOf('|'))
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('\\|', '|'))
    if (open === undefined) found.push((open = { heading, head: cells, rows: [] }))
    else if (!cells.every((cell) => /^:?-+:?$/.test(cell))) open.rows.push(cells)
  }
  return found
}
