// JSON as the server sends it, with numbers that a double cannot hold kept as their text: an order's number is never shown
// rounded. Inputs and outputs are the user's text; the server does not touch them, and neither does the page.

/** A number whose text says more than a double can hold. */
export class ExactNumber {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
  /** With `JSON.rawJSON` the text survives; without it the nearest double is written. */
  toJSON(): unknown {
    const raw = (JSON as unknown as { rawJSON?: (text: string) => unknown }).rawJSON;
    return raw ? raw(this.text) : Number(this.text);
  }
}

// Sixteen or more digits in a row: only then is it worth looking at every number of a text.
const LONG = /\d{16}|\d\.\d{15}|\d[eE][+-]?\d{3}/;

export function parse(text: string): unknown {
  if (!LONG.test(text)) return JSON.parse(text);
  return JSON.parse(text, ((_key: string, value: unknown, context?: { source?: string }) => {
    if (typeof value !== "number" || context?.source === undefined) return value;
    return survives(context.source, value) ? value : new ExactNumber(context.source);
  }) as (key: string, value: unknown) => unknown);
}

function survives(source: string, value: number): boolean {
  if (Number.isSafeInteger(value)) return true;
  return Number.isFinite(value) && digits(String(value)) === digits(source);
}

/** The significant digits of a number's text: what is left of `-0.12300e7` is `123`. */
function digits(text: string): string {
  const mantissa = text.replace(/[eE].*$/, "").replace(/[-+.]/g, "");
  return mantissa.replace(/^0+/, "").replace(/0+$/, "");
}
