// The one place that calls the server. Not here: what the answers mean (types.ts), streams (stream.ts), caching (queries.ts).
import { learnServerTime } from "./clock";
import { parse } from "./exact";
import { authorization, refused } from "./token";

export const BASE = "/api/v1";

export type QueryValue = string | number | boolean | undefined | null;
export type Query = Record<string, QueryValue | readonly (string | number)[]>;

export interface Call {
  query?: Query;
  body?: unknown;
  /** Sent as `Idempotency-Key`, so that a call whose answer was lost can be made again. */
  idempotencyKey?: string;
  signal?: AbortSignal | undefined;
}

interface ProblemBody {
  status?: number;
  code?: string;
  title?: string;
  detail?: string;
  diagnostics?: Diagnostic[];
  [more: string]: unknown;
}

export interface Diagnostic {
  severity: "error" | "warning" | "hint";
  pointer: string;
  code: string;
  message: string;
  help?: string;
}

/** The server has answered, and refused. */
export class Problem extends Error {
  override readonly name = "Problem";
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly requestId: string | null,
    readonly body: ProblemBody,
  ) {
    super(detail || title || `the server answered ${status}`);
  }
}

/** No answer came: nobody knows whether a command was carried out. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  constructor(cause: unknown) {
    super("the server could not be reached", { cause });
  }
}

export function address(path: string, query?: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === "") continue;
    if (typeof value === "object") for (const one of value) parameters.append(name, String(one));
    else parameters.append(name, String(value));
  }
  const text = parameters.toString();
  return `${BASE}${path}${text ? `?${text}` : ""}`;
}

/** A path whose parts are anything: an id that came from elsewhere is never read as a path. */
export function path(strings: TemplateStringsArray, ...parts: string[]): string {
  return strings.reduce((whole, text, at) => whole + text + (at < parts.length ? encodeURIComponent(parts[at] ?? "") : ""), "");
}

export function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return call<T>("GET", path, { ...(query && { query }), signal });
}

export function post<T>(path: string, call_: Call = {}): Promise<T> {
  return call<T>("POST", path, call_);
}

export async function call<T>(method: string, path: string, { query, body, idempotencyKey, signal }: Call = {}): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json", ...authorization() };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
  const to = address(path, query);
  const askedAt = Date.now();
  let response: Response;
  let text: string;
  try {
    response =
      (method === "GET" && (await firstAnswer(to))) ||
      (await fetch(to, {
        method,
        headers,
        credentials: "omit",
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
        ...(signal && { signal }),
      }));
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new NoAnswer(error);
  }
  learnFromHeaders(response, askedAt);
  if (response.ok) return (text === "" ? undefined : parse(text)) as T;
  throw problem(response, text);
}

/** The answer that `first.js` asked for before this code was there; once, and only if it is the same question. */
async function firstAnswer(to: string): Promise<Response | null> {
  const holder = window as { firstAnswer?: { address: string; answer: Promise<Response> } };
  const first = holder.firstAnswer;
  if (!first || first.address !== to) return null;
  delete holder.firstAnswer;
  return first.answer.catch(() => null);
}

/** The header counts whole seconds; good enough to notice a clock that is wrong, `hello` of the streams is finer. */
function learnFromHeaders(response: Response, askedAt: number): void {
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(date)) return;
  const middle = date + 500;
  if (Math.abs(middle - Date.now()) > 1500) learnServerTime(middle, askedAt, Date.now());
}

function problem(response: Response, text: string): Problem {
  if (response.status === 401) refused();
  let body: ProblemBody = {};
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read === "object" && read !== null) body = read as ProblemBody;
  } catch {
    // Something between the page and the server answered with a page of its own.
  }
  return new Problem(
    response.status,
    body.code ?? `http_${response.status}`,
    body.title ?? response.statusText,
    body.detail ?? "",
    response.headers.get("x-request-id"),
    body,
  );
}

/** A key for a command that is given once. Without TLS `randomUUID` does not exist, `getRandomValues` does. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
