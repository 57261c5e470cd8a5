// The one place that calls the server. Not here: what can be asked (routes.ts), streams (stream.ts), caching (queries.ts).
import { learnServerTime } from "./clock";
import { parse } from "./exact";
import { type Answer, type Asked, BASE, filled, type Route } from "./routes";
import { authorization, refused } from "./token";
import type { Diagnostic } from "./types";

export type QueryValue = string | number | boolean | undefined | null;
export type Query = Record<string, QueryValue | readonly (string | number)[]>;

interface ProblemBody {
  status?: number;
  code?: string;
  title?: string;
  detail?: string;
  diagnostics?: Diagnostic[];
  [more: string]: unknown;
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

export function get<R extends Route<"get">>(route: R, ...[question]: Asked<"get", R>): Promise<Answer<"get", R>> {
  return call("GET", route, question) as Promise<Answer<"get", R>>;
}

export function post<R extends Route<"post">>(route: R, ...[question]: Asked<"post", R>): Promise<Answer<"post", R>> {
  return call("POST", route, question) as Promise<Answer<"post", R>>;
}

/** What an address holds that the server gave, in place of a value that was too long. */
export function follow(href: string): Promise<unknown> {
  return call("GET", href.startsWith(BASE) ? href.slice(BASE.length) : href);
}

interface Call {
  path?: unknown;
  query?: Query;
  body?: unknown;
  idempotencyKey?: string;
  signal?: AbortSignal | undefined;
}

async function call(method: string, route: string, { path: parts, query, body, idempotencyKey, signal }: Call = {}): Promise<unknown> {
  const headers: Record<string, string> = { accept: "application/json", ...authorization() };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
  const to = address(parts === undefined ? route : filled(route, parts), query);
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
  if (response.ok) return text === "" ? undefined : parse(text);
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
