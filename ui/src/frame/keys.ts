// Keys. One listener for the whole page; what is on the screen says which keys it takes, and `?` lists them. A key is
// never taken while a person writes, and single keys can be switched off (WCAG 2.1.4).
import { useEffect, useRef } from "react";
import { Watched } from "../api/store";
import { kept } from "./kept";

export interface Key {
  /** As `KeyboardEvent.key` names it: `j`, `Enter`, `ArrowDown`, `Shift+r`; two in a row as `g e`. */
  keys: string | readonly string[];
  /** What it does, for the list of keys. Without it the key is not listed. */
  label?: string;
  run(event: KeyboardEvent): void;
  /** Whether it works while an element such as a button has the focus that takes the key itself (Enter, Space). */
  overControls?: boolean;
}

interface Scope {
  name: string;
  keys: readonly Key[];
  /** A dialog: keys below it sleep. */
  modal: boolean;
}

const scopes: Scope[] = [];
export const keysOn = new Watched(kept.get("keys") !== "off");

export function setKeysOn(on: boolean): void {
  kept.set("keys", on ? null : "off");
  keysOn.set(on);
}

/** Takes keys while the component is there. The newest of two that want the same key gets it. */
export function useKeys(name: string, keys: readonly Key[], options: { modal?: boolean; off?: boolean } = {}): void {
  const scope = useRef<Scope>({ name, keys, modal: options.modal ?? false });
  const off = options.off ?? false;
  useEffect(() => {
    scope.current.keys = keys;
  });
  useEffect(() => {
    if (off) return;
    const entry = scope.current;
    scopes.push(entry);
    return () => {
      scopes.splice(scopes.indexOf(entry), 1);
    };
  }, [off]);
}

/** What `?` shows: names of scopes with their keys, the most special first. */
export function listedKeys(): { name: string; keys: readonly Key[] }[] {
  const byName = new Map<string, Key[]>();
  for (const scope of [...scopes].reverse()) {
    if (scope.modal) continue;
    const listed = scope.keys.filter((key) => key.label !== undefined);
    if (listed.length > 0) byName.set(scope.name, [...(byName.get(scope.name) ?? []), ...listed]);
  }
  return [...byName].map(([name, keys]) => ({ name, keys }));
}

export function names(key: Key): readonly string[] {
  return typeof key.keys === "string" ? [key.keys] : key.keys;
}

const SECOND_KEY_MS = 1000;
let first: { key: string; at: number } | null = null;

export function listenForKeys(): () => void {
  const listener = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (writes(event.target) && event.key !== "Escape") return;
    const name = nameOf(event);
    const special = event.key === "Escape" || event.key === "Enter" || event.key.startsWith("Arrow");
    if (!keysOn.get() && !special) return;
    const sequence = first && event.timeStamp - first.at < SECOND_KEY_MS ? `${first.key} ${name}` : null;
    first = null;
    const found = (sequence && find(sequence)) || find(name);
    if (found) {
      if (isControl(event.target) && (event.key === "Enter" || event.key === " ") && !found.overControls) return;
      event.preventDefault();
      found.run(event);
    } else if (begins(name)) first = { key: name, at: event.timeStamp };
  };
  document.addEventListener("keydown", listener);
  return () => document.removeEventListener("keydown", listener);
}

function find(name: string): Key | undefined {
  for (let at = scopes.length - 1; at >= 0; at -= 1) {
    const scope = scopes[at];
    const found = scope?.keys.find((key) => names(key).includes(name));
    if (found) return found;
    if (scope?.modal) return undefined;
  }
  return undefined;
}

function begins(name: string): boolean {
  return scopes.some((scope) => scope.keys.some((key) => names(key).some((one) => one.startsWith(`${name} `))));
}

/** Signs such as `?` are what they are. Letters go by Shift alone: Caps Lock makes `R` of the key, and `r` of it with Shift. */
function nameOf(event: KeyboardEvent): string {
  const key = event.key;
  if (/^[a-z]$/i.test(key)) return event.shiftKey ? `Shift+${key.toLowerCase()}` : key.toLowerCase();
  if (!event.shiftKey) return key;
  return key.length === 1 ? key : `Shift+${key}`;
}

function writes(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "range"].includes(target.type);
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a[href], summary, [role=button], [role=menuitem], [role=option], input") !== null;
}
