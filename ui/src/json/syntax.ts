// Where a text stops being JSON, and what was expected there. `JSON.parse` says it in another way in each browser, and
// often without the place. Not a parser: values are made by `parse` of api/exact.ts.

export interface SyntaxMistake {
  /** Both count from 1. */
  line: number;
  column: number;
  offset: number;
  expected: string;
}

const DEPTH_MAX = 512;

/** `null` if the text is JSON. */
export function mistake(text: string): SyntaxMistake | null {
  const scan = new Scan(text);
  try {
    scan.space();
    scan.value(0);
    scan.space();
    if (scan.at < text.length) scan.fail("the end; there is more after the value");
    return null;
  } catch (error) {
    if (error instanceof Stopped) return place(text, error.offset, error.expected);
    throw error;
  }
}

/** The sentence for a person: `Line 3, column 14: expected a comma or }.` */
export function mistakeSentence({ line, column, expected }: SyntaxMistake): string {
  return `Line ${line}, column ${column}: expected ${expected}.`;
}

export function place(text: string, offset: number, expected: string): SyntaxMistake {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - lineStart + 1, offset, expected };
}

class Stopped extends Error {
  constructor(
    readonly offset: number,
    readonly expected: string,
  ) {
    super(expected);
  }
}

class Scan {
  at = 0;
  constructor(readonly text: string) {}

  fail(expected: string, at = this.at): never {
    throw new Stopped(at, expected);
  }

  space(): void {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at += 1;
  }

  value(depth: number): void {
    if (depth > DEPTH_MAX) this.fail(`at most ${DEPTH_MAX} levels`);
    const next = this.text[this.at];
    if (next === "{") this.members(depth);
    else if (next === "[") this.items(depth);
    else if (next === '"') this.string();
    else if (next === "-" || (next !== undefined && next >= "0" && next <= "9")) this.number();
    else this.word();
  }

  private members(depth: number): void {
    this.at += 1;
    this.space();
    if (this.take("}")) return;
    for (;;) {
      if (this.text[this.at] !== '"') this.fail(this.text[this.at] === "}" ? "another name after the comma" : "a name in double quotes");
      this.string();
      this.space();
      if (!this.take(":")) this.fail("a colon after the name");
      this.space();
      this.value(depth + 1);
      this.space();
      if (this.take("}")) return;
      if (!this.take(",")) this.fail("a comma or }");
      this.space();
    }
  }

  private items(depth: number): void {
    this.at += 1;
    this.space();
    if (this.take("]")) return;
    for (;;) {
      if (this.text[this.at] === "]") this.fail("another value after the comma");
      this.value(depth + 1);
      this.space();
      if (this.take("]")) return;
      if (!this.take(",")) this.fail("a comma or ]");
      this.space();
    }
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private string(): void {
    const opened = this.at;
    this.at += 1;
    for (;;) {
      const next = this.text[this.at];
      if (next === undefined) this.fail('a closing " for the text that begins here', opened);
      if (next === '"') break;
      if (next < " ") this.fail(next === "\n" ? 'a closing " before the end of the line' : "a control character written as \\u00…");
      if (next === "\\") this.escape();
      else this.at += 1;
    }
    this.at += 1;
  }

  private escape(): void {
    const next = this.text[this.at + 1] ?? "";
    if (next === "u") {
      if (!/^[0-9a-fA-F]{4}$/.test(this.text.slice(this.at + 2, this.at + 6))) this.fail("four hexadecimal digits after \\u");
      this.at += 6;
    } else if (next !== "" && '"\\/bfnrt'.includes(next)) this.at += 2;
    else this.fail('one of " \\ / b f n r t u after the backslash', this.at + 1);
  }

  private number(): void {
    const found = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
    found.lastIndex = this.at;
    const match = found.exec(this.text);
    if (!match) this.fail("a digit after the minus sign", this.at + 1);
    this.at += match[0].length;
    const next = this.text[this.at] ?? "";
    if (/[\d.eE]/.test(next)) this.fail(next === "." ? "a digit on both sides of the point" : "a number without leading zeros");
  }

  private word(): void {
    for (const word of ["true", "false", "null"]) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return;
      }
    }
    if (this.text[this.at] === "'") this.fail("double quotes instead of single ones");
    this.fail(this.at >= this.text.length ? "a value, and the text ends" : 'a value: { [ " a number, true, false or null');
  }
}
