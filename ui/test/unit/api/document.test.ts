import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { FILE, types } from "../../../scripts/types.mjs";

it("the types are those of the document that the server's tests have reviewed: else run `npm run types`", async () => {
  // Not `toEqual`: a difference of 4,000 lines helps nobody.
  expect((await types()) === readFileSync(FILE, "utf8")).toBe(true);
});
