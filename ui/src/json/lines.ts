// A JSON value as the lines that are shown: pure, so that folding can be tested without a page.
import { ExactNumber } from "../api/exact";
import type { Truncated } from "../api/types";

export type Path = readonly (string | number)[];

export type Line =
  | { kind: "leaf"; path: Path; name: string | number | null; value: unknown; comma: boolean }
  | { kind: "open"; path: Path; name: string | number | null; value: object; folded: boolean; size: number; comma: boolean }
  | { kind: "close"; path: Path; array: boolean; comma: boolean }
  | { kind: "more"; path: Path; hidden: number };

export interface Folding {
  /** Containers up to this depth are open unless turned. */
  depth: number;
  /** Containers that a person has turned from what they would be. */
  turned: ReadonlySet<string>;
  /** How many members of a container are shown, where it is more than `MEMBERS`. */
  shown: ReadonlyMap<string, number>;
}

/** More members than these come in portions. */
export const MEMBERS = 200;
/** A container with more members than these begins folded, however shallow. */
const WIDE = 60;

export function keyOf(path: Path): string {
  return JSON.stringify(path);
}

export function isTruncated(value: unknown): value is Truncated {
  return typeof value === "object" && value !== null && typeof (value as Truncated).$truncated === "number" && typeof (value as Truncated).href === "string";
}

/** What the server says in place of a value that the definition calls sensitive. */
export const HIDDEN = "[sensitive]";
export const isHidden = (value: unknown): boolean => value === HIDDEN;

/** Whether something in it is hidden. */
export function hidesAnything(value: unknown): boolean {
  if (isHidden(value)) return true;
  return isContainer(value) && Object.values(value).some(hidesAnything);
}

/**
 * The value that was left out, from the entry of the history that it can be read in: an output, the input, or, where the state was
 * shown, the field of the input at that path.
 */
export function leftOut(answer: unknown, path: Path): unknown {
  const { data } = answer as { data?: { output?: unknown; input?: unknown } };
  if (data?.output !== undefined) return data.output;
  if (data?.input === undefined) throw new Error("the entry of the history that was named does not hold it");
  const found = path.reduce<unknown>((value, part) => (isContainer(value) ? (value as Record<string | number, unknown>)[part] : undefined), data.input);
  return found === undefined ? data.input : found;
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof ExactNumber) && !isTruncated(value);
}

export function isOpen(path: Path, size: number, { depth, turned }: Folding): boolean {
  const usually = path.length < depth && (size <= WIDE || path.length === 0);
  return turned.has(keyOf(path)) ? !usually : usually;
}

export function lines(value: unknown, folding: Folding): Line[] {
  const out: Line[] = [];
  add(out, value, [], null, false, folding);
  return out;
}

function add(out: Line[], value: unknown, path: Path, name: string | number | null, comma: boolean, folding: Folding): void {
  if (!isContainer(value)) {
    out.push({ kind: "leaf", path, name, value, comma });
    return;
  }
  const array = Array.isArray(value);
  const entries: readonly (readonly [string | number, unknown])[] = array ? value.map((item, at) => [at, item] as const) : Object.entries(value);
  const size = entries.length;
  const folded = size === 0 || !isOpen(path, size, folding);
  out.push({ kind: "open", path, name, value, folded, size, comma: folded && comma });
  if (folded) return;
  const shown = Math.min(size, folding.shown.get(keyOf(path)) ?? MEMBERS);
  for (let at = 0; at < shown; at += 1) {
    const [key, item] = entries[at] as readonly [string | number, unknown];
    add(out, item, [...path, key], array ? null : key, at < size - 1, folding);
  }
  if (shown < size) out.push({ kind: "more", path, hidden: size - shown });
  out.push({ kind: "close", path, array, comma });
}

/** How an expression reaches the value: `charge.items[0]["odd name"]`. */
export function expression(path: Path): string {
  return path
    .map((part, at) => {
      if (typeof part === "number") return `[${part}]`;
      if (/^[A-Za-z_$][\w$]*$/.test(part)) return at === 0 ? part : `.${part}`;
      return `[${JSON.stringify(part)}]`;
    })
    .join("");
}

/** A few words for a container that is folded: `{orderId: "ord_123", total: 42}`, at most `max` characters. */
export function preview(value: unknown, max = 60): string {
  const text = brief(value, max, 0);
  return text.length > max ? `${text.slice(0, max - 1)}…` : text;
}

function brief(value: unknown, room: number, depth: number): string {
  if (typeof value === "string") return JSON.stringify(value.length > room ? `${value.slice(0, room)}…` : value);
  if (isTruncated(value)) return "…";
  if (!isContainer(value)) return String(value instanceof ExactNumber ? value.text : (JSON.stringify(value) ?? "undefined"));
  const array = Array.isArray(value);
  const [open, close] = array ? ["[", "]"] : ["{", "}"];
  const parts: string[] = [];
  let length = 2;
  for (const key of Object.keys(value)) {
    if (length > room) {
      parts.push("…");
      break;
    }
    const item = (value as Record<string, unknown>)[key];
    const text = depth >= 2 && isContainer(item) ? (Array.isArray(item) ? "[…]" : "{…}") : brief(item, room - length, depth + 1);
    const part = array ? text : `${key}: ${text}`;
    parts.push(part);
    length += part.length + 2;
  }
  return `${open}${parts.join(", ")}${close}`;
}

/** As text with two spaces, for copying and downloading. */
export function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? "";
}
