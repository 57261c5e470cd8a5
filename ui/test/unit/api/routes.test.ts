import { expect, it } from "vitest";
import { get } from "../../../src/api/client";
import { path } from "../../../src/api/routes";

it("what stands in a route is never read as a path", () => {
  expect(path("/jobs/{id}/stream", { id: "../executions?a=b#c d%2f" })).toBe("/jobs/..%2Fexecutions%3Fa%3Db%23c%20d%252f/stream");
  expect(path("/system/stream")).toBe("/system/stream");
});

/** Compiled, never run: each of these is a mistake that the server's document gives away. */
export const mistakes = () => [
  // @ts-expect-error There is no such route.
  get("/execution"),
  // @ts-expect-error It has an id.
  get("/executions/{id}"),
  // @ts-expect-error The part has another name.
  get("/errors/{fingerprint}", { path: { id: "1" } }),
  // @ts-expect-error There is no such parameter.
  get("/executions", { query: { workflow: "a" } }),
  // @ts-expect-error There is no such status.
  get("/executions", { query: { status: "stuck" } }),
  // @ts-expect-error There is no such field in the answer.
  get("/system").then((system) => system.uptime),
];
