// Moments in words. Local time, with the zone where it is exact; `now` is an argument, so that all of this can be tested.
import { duration, ticking } from "./duration";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(at: number, options: Intl.DateTimeFormatOptions): string {
  const key = JSON.stringify(options);
  let made = formats.get(key);
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat("en-GB", options)));
  return made.format(at);
}

/** `just now`, `12 s ago`, `3 min ago`, `2 h ago`, `yesterday 14:02`, `Thu 14:02`, `3 Nov`, `3 Nov 2025`. */
export function ago(at: number, now: number): string {
  const age = Math.max(0, now - at);
  if (age < 5 * SECOND) return "just now";
  if (age < MINUTE) return `${Math.floor(age / SECOND)} s ago`;
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  if (age < DAY) return `${Math.floor(age / HOUR)} h ago`;
  return day(at, now);
}

/** `in 38 s`, `in 2 d 3 h`; what should have been is `now`. */
export function until(at: number, now: number): string {
  const left = at - now;
  return left <= 0 ? "now" : `in ${ticking(left + 999)}`;
}

/** The day and, if it is near, the hour: `today 14:02`, `tomorrow 14:02`, `Thu 14:02`, `3 Nov 14:02`. */
export function when(at: number, now: number): string {
  const distance = dayNumber(at) - dayNumber(now);
  const hour = clock(at, "minutes");
  if (distance === 0) return hour;
  if (distance === 1) return `tomorrow ${hour}`;
  if (distance === -1) return `yesterday ${hour}`;
  if (Math.abs(at - now) < 7 * DAY) return `${format(at, { weekday: "short" })} ${hour}`;
  return `${date(at, now)} ${hour}`;
}

function day(at: number, now: number): string {
  if (dayNumber(now) - dayNumber(at) === 1) return `yesterday ${clock(at, "minutes")}`;
  if (now - at < 7 * DAY) return `${format(at, { weekday: "short" })} ${clock(at, "minutes")}`;
  return date(at, now);
}

/** `3 Nov`, and in other years `3 Nov 2025`. */
export function date(at: number, now: number): string {
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return format(at, { day: "numeric", month: "short", ...(!sameYear && { year: "numeric" }) });
}

function dayNumber(at: number): number {
  const local = new Date(at);
  return Math.round(Date.UTC(local.getFullYear(), local.getMonth(), local.getDate()) / DAY);
}

/** `14:02`, `14:02:11`, `14:02:11.204`. */
export function clock(at: number, precision: "minutes" | "seconds" | "milliseconds" = "seconds"): string {
  const local = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = `${two(local.getHours())}:${two(local.getMinutes())}`;
  if (precision === "minutes") return minutes;
  const seconds = `${minutes}:${two(local.getSeconds())}`;
  return precision === "seconds" ? seconds : `${seconds}.${String(local.getMilliseconds()).padStart(3, "0")}`;
}

/** `2026-11-22 14:02:11.204 (UTC+01:00, Europe/Berlin)`. */
export function exact(at: number): string {
  const local = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${local.getFullYear()}-${two(local.getMonth() + 1)}-${two(local.getDate())}`;
  const offset = -local.getTimezoneOffset();
  const zone = `UTC${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${day} ${clock(at, "milliseconds")} (${zone}, ${zoneName()})`;
}

let zone: string | undefined;
/** Asked once: making a format for it takes a quarter of a millisecond, and a list has a hundred times in it. */
const zoneName = (): string => (zone ??= Intl.DateTimeFormat().resolvedOptions().timeZone);

export function iso(at: number): string {
  return Number.isFinite(at) && Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : "";
}

export { duration, ticking };
