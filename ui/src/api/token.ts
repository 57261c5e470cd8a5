// The token, for servers that want one. It is kept in this tab only, and goes into a header, never into an address.
import { Watched } from "./store";

const NAME = "token";

function read(): string | null {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null;
  }
}

export const token = new Watched<string | null>(read());

/** What the server said when it last refused a call for want of a token. */
export const tokenWanted = new Watched<"no" | "missing" | "refused">("no");

export function setToken(value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(NAME);
    else sessionStorage.setItem(NAME, value);
  } catch {
    // Kept in memory then.
  }
  token.set(value);
  tokenWanted.set("no");
}

export function authorization(): Record<string, string> {
  const value = token.get();
  return value === null ? {} : { authorization: `Bearer ${value}` };
}

export function refused(): void {
  tokenWanted.set(token.get() === null ? "missing" : "refused");
}
