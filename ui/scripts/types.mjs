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

/** Texts that are one of a few, of which the document tells in words only. */
const ONE_OF = {
  "HistoryData.cause": ["condition", "timer", "retry", "runNow", "dependencies", "notBranchedTo", "lost", "shutdown"],
  "HistoryData.then": ["fail", "continue", "branch", "startHandler"],
  "Job.status": ["running", "waiting", "stopped", "completed"],
  "Reason.kind": ["paused", "worker", "retry", "running", "limit", "timer"],
  "System.access": ["read", "write", "admin"],
  "TriggeredBy.type": ["manual", "event", "schedule", "replay", "error"],
  "WaitingFor.type": ["timer", "retry", "worker"],
  "Worker.kind": ["worker", "endpoint", "inProcess"],
};

/** Fields that only a definition which is sent may leave out: the page sends none. */
const ALWAYS_ANSWERED = { Definition: ["version", "createdAt"] };

/** What `document.ts` has to be. */
export async function types() {
  // A snapshot begins with where it comes from, between two lines of dashes.
  const document = sharpened(JSON.parse(readFileSync(SNAPSHOT, "utf8").replace(/^---\n.*?\n---\n/s, "")));
  // An object of which nothing is said can hold anything, and a field that has a default may be left out of a question.
  return HEAD + astToString(await openapi(document, { emptyObjectsUnknown: true, defaultNonNullable: false }));
}

/** With what it says in words only. Once it says so itself, an entry above is one too many. */
function sharpened(document) {
  const { schemas } = document.components;
  for (const [name, values] of Object.entries(ONE_OF)) {
    const [schema, field] = name.split(".");
    const property = schemas[schema]?.properties?.[field];
    if (property?.type !== "string" || property.enum !== undefined) throw new Error(`expected ${name} to be any text in the document: take it out of ONE_OF in ui/scripts/types.mjs`);
    property.enum = values;
  }
  for (const [name, fields] of Object.entries(ALWAYS_ANSWERED)) {
    const { properties, required } = schemas[name];
    const unknown = fields.find((field) => properties[field] === undefined || required.includes(field));
    if (unknown !== undefined) throw new Error(`expected ${name}.${unknown} to be there and not required: take it out of ALWAYS_ANSWERED in ui/scripts/types.mjs`);
    required.push(...fields);
  }
  return document;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FILE, await types());
