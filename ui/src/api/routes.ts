// What can be asked of the server and what it answers, from its document: a route that does not exist, a parameter that it does not
// know and a field that it never gives are mistakes that the compiler finds.
import type { paths } from "./document";

export const BASE = "/api/v1";

export type Method = "get" | "post";

/** Routes that know a method, without what all of them begin with. */
export type Route<M extends Method> = { [P in keyof paths]: P extends `${typeof BASE}${infer R}` ? (paths[P] extends { [K in M]: object } ? R : never) : never }[keyof paths];

type Operation<M extends Method, R extends string> = `${typeof BASE}${R}` extends keyof paths ? NonNullable<paths[`${typeof BASE}${R}`][M & keyof paths[`${typeof BASE}${R}`]]> : never;

type Parameters<M extends Method, R extends string> = Operation<M, R> extends { parameters: infer P } ? P : never;

type Json<T> = T extends { content: { "application/json": infer A } } ? A : never;

/** What comes when it went well. */
export type Answer<M extends Method, R extends string> = Operation<M, R> extends { responses: infer All } ? Json<All[keyof All & (200 | 201)]> : never;

/** What stands in the braces of a route. A number is one that the server gave. */
export type Parts<R extends string> = R extends `${string}{${infer Name}}${infer Rest}` ? { [K in Name]: string | number } & Parts<Rest> : unknown;

/** Parameters that may be left out by not saying them, or by saying nothing; of several the only one may stand alone. */
export type QueryOf<M extends Method, R extends string> = Parameters<M, R> extends { query?: infer Q } ? { [K in keyof NonNullable<Q>]?: Value<NonNullable<Q>[K]> } : never;

type Value<T> = (T extends readonly (infer One)[] ? One | readonly One[] : T) | null | undefined;

/** A text is JSON already: what a person wrote is sent as it was written. */
type BodyOf<M extends Method, R extends string> = Operation<M, R> extends { requestBody: infer B } ? { body: Json<B> | string } : Operation<M, R> extends { requestBody?: infer B } ? { body?: Json<NonNullable<B>> | string } : unknown;

interface Always {
  /** Sent as `Idempotency-Key`, so that a call whose answer was lost can be made again. */
  idempotencyKey?: string;
  signal?: AbortSignal | undefined;
}

export type Question<M extends Method, R extends string> = Always & { query?: QueryOf<M, R> } & (unknown extends Parts<R> ? unknown : { path: Parts<R> }) & BodyOf<M, R>;

/** The rest of a call's parameters: none when nothing has to be said. */
export type Asked<M extends Method, R extends string> = object extends Question<M, R> ? [question?: Question<M, R>] : [question: Question<M, R>];

/** The path of a route, with its parts put in. Whatever they are: an id that came from elsewhere is never read as a path. */
export function path<R extends Route<"get">>(route: R, ...parts: unknown extends Parts<R> ? [] : [parts: Parts<R>]): string {
  return filled(route, parts[0]);
}

export function filled(route: string, parts: unknown): string {
  return route.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent((parts as Record<string, string | number>)[name] ?? ""));
}
