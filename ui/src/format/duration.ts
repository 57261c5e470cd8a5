// Lengths of time in words. Two units at most, never rounded up: what took 59.99 s did not take a minute.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `120 ms`, `1.2 s`, `31 s`, `2 m 04 s`, `3 h 10 m`, `2 d 3 h`. */
export function duration(ms: number): string {
  const length = Math.max(0, Math.floor(ms));
  if (length < SECOND) return `${length} ms`;
  if (length < 10 * SECOND) return `${(Math.floor(length / 100) / 10).toFixed(1)} s`;
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < HOUR) return pair(length, MINUTE, "m", SECOND, "s", 2);
  if (length < DAY) return pair(length, HOUR, "h", MINUTE, "m", 2);
  return pair(length, DAY, "d", HOUR, "h", 1);
}

/** For something that goes on: without tenths and milliseconds, which would only flicker. */
export function ticking(ms: number): string {
  return ms < 10 * SECOND ? `${Math.max(0, Math.floor(ms / SECOND))} s` : duration(ms);
}

function pair(ms: number, large: number, largeName: string, small: number, smallName: string, digits: number): string {
  const whole = Math.floor(ms / large);
  const rest = Math.floor((ms % large) / small);
  return rest === 0 ? `${whole} ${largeName}` : `${whole} ${largeName} ${String(rest).padStart(digits, "0")} ${smallName}`;
}
