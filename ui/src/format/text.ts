// Strings of users, made fit to be shown. React makes text nodes of them, so nothing in them is ever run; here what a reader
// could not see, or would see wrongly, is made visible.

// Control characters, and those that turn the direction of a line around or have no width: with them a text can show one
// thing and be another.
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]/g;

/** The text with what is hidden in it as `\u202e`. Line breaks and tabs stay. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** For a place of one line: the first line, at most `max` characters of it. */
export function oneLine(text: string, max = 200): string {
  const line = visible(text.slice(0, max * 4)).replace(/\s+/g, " ").trim();
  const characters = Array.from(line);
  return characters.length > max ? `${characters.slice(0, max - 1).join("")}…` : line;
}

/** `…8f3k2m7`: ids begin with a time and differ at their end. */
export function shortId(id: string): string {
  return id.length > 10 ? `…${visible(id.slice(-7))}` : visible(id);
}

/** `exec_01jc…8f3k2m`, for where there is room. */
export function middle(text: string, head = 9, tail = 7): string {
  const shown = visible(text);
  return shown.length <= head + tail + 1 ? shown : `${shown.slice(0, head)}…${shown.slice(-tail)}`;
}

const numbers = new Intl.NumberFormat("en-GB");

/** `1,204,331`. */
export function count(value: number): string {
  return numbers.format(value);
}

/** `1 execution`, `341 executions`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `64 KiB`, `3.2 MiB`. */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let rest = value;
  let unit = -1;
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${rest < 10 ? (Math.floor(rest * 10) / 10).toFixed(1) : Math.floor(rest)} ${units[unit]}`;
}

/** `0.4 %`, `12 %`; below what can be shown `< 0.1 %`. */
export function percent(share: number): string {
  if (share === 0) return "0";
  const value = share * 100;
  if (value < 0.1) return "< 0.1 %";
  return value < 10 ? `${(Math.round(value * 10) / 10).toString()} %` : `${Math.round(value)} %`;
}
