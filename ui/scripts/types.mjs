// The types of the server's answers and questions, from its OpenAPI document: `src/api/document.ts`. The document is the snapshot that
// the server's tests compare with what it serves, and `npm test` compares the file with the snapshot.
//
//   npm run types
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import openapi, { astToString } from "openapi-typescript";

const SNAPSHOT = new URL("../../crates/server/tests/api/snapshots/api__document__openapi.snap", import.meta.url);
export const FILE = new URL("../src/api/document.ts", import.meta.url);

const HEAD = "// What the server answers and can be asked, as its OpenAPI document says it. Made by `npm run types`: change the server, not this file.\n\n";

/** What `document.ts` has to be. */
export async function types() {
  // A snapshot begins with where it comes from, between two lines of dashes.
  const document = JSON.parse(readFileSync(SNAPSHOT, "utf8").replace(/^---\n.*?\n---\n/s, ""));
  // An object of which nothing is said can hold anything, and a field that has a default may be left out of a question.
  return HEAD + astToString(await openapi(document, { emptyObjectsUnknown: true, defaultNonNullable: false }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FILE, await types());
