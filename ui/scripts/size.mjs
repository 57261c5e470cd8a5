// How much script and style the page is, gzipped, against its budget. Ends with 1 above it.
//
//   node scripts/size.mjs
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET = { all: 300 * 1024, first: 150 * 1024 };
const dist = new URL("../dist/", import.meta.url).pathname;

/** Gzipped bytes by path in `dist`. */
function sizes(folder, under = "") {
  const out = new Map();
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = under + entry.name;
    if (entry.isDirectory()) for (const [name, size] of sizes(join(folder, entry.name), `${path}/`)) out.set(name, size);
    else if (/\.(js|css|html|svg)$/.test(entry.name)) out.set(path, gzipSync(readFileSync(join(folder, entry.name)), { level: 9 }).length);
  }
  return out;
}

const kib = (bytes) => `${(bytes / 1024).toFixed(1).padStart(6)} KiB`;

let files;
try {
  files = sizes(dist);
} catch (error) {
  if (error.code !== "ENOENT") throw error;
  console.error("ui/dist does not exist: expected a built page; run 'npm run build' in ui/ first");
  process.exit(1);
}
const scripts = [...files].filter(([path]) => path.endsWith(".js"));
const index = readFileSync(join(dist, "index.html"), "utf8");
const firstPaths = [...index.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((match) => match[1]);
const first = firstPaths.filter((path) => /\.(js|css)$/.test(path));

const all = scripts.reduce((sum, [, size]) => sum + size, 0);
const firstSum = first.reduce((sum, path) => sum + (files.get(path) ?? 0), 0);
for (const [path, size] of [...files].sort((a, b) => b[1] - a[1])) console.log(`${kib(size)}  ${path}${first.includes(path) ? "  (first screen)" : ""}`);
console.log(`${kib(all)}  all script, of ${kib(BUDGET.all).trim()}`);
console.log(`${kib(firstSum)}  first screen, script and style, of ${kib(BUDGET.first).trim()}`);
if (all > BUDGET.all || firstSum > BUDGET.first) {
  console.error("the page is larger than its budget: see the list above for what grew");
  process.exit(1);
}
