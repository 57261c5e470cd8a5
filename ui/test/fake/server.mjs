// A server that answers as CONTRACT of the API says, from data made here: for states that a real server cannot be brought
// into at will (a refused job, a lost connection, ten thousand rows in a moment). Tests of what the page does with a real
// server do not use it.
//
//   node test/fake/server.mjs [PORT]
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { answers } from "./answers.mjs";

const dist = fileURLToPath(new URL("../../dist", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const policy = (scripts) =>
  `default-src 'none'; script-src 'self'${scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** Starts it on a free port unless one is given; `world` may be changed while it runs. */
export async function startFake({ port = 0, world } = {}) {
  const api = answers(world);
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://fake");
    if (!url.pathname.startsWith("/api/")) return page(url.pathname, response);
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const body = text === "" ? undefined : JSON.parse(text);
    if (api.stream(url, request, response)) return;
    const { status, json } = api.answer(request.method, url, body, request.headers);
    response.writeHead(status, { "content-type": status < 400 ? "application/json" : "application/problem+json", "x-request-id": "8f3k2a11" });
    response.end(JSON.stringify(json));
  });
  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    api,
    close: () => {
      server.closeAllConnections();
      return new Promise((closed) => server.close(closed));
    },
  };
}

function page(path, response) {
  const file = join(dist, path);
  const found = path !== "/" && file.startsWith(dist) && existsSync(file) && statSync(file).isFile() ? file : join(dist, "index.html");
  // As the real one: scripts within the document are allowed by their hash.
  const within = extname(found) === ".html" ? [...readFileSync(found, "utf8").matchAll(/<script>([^]*?)<\/script>/g)] : [];
  const hashes = within.map(([, script]) => ` 'sha256-${createHash("sha256").update(script).digest("base64")}'`).join("");
  response.writeHead(200, { "content-type": TYPES[extname(found)] ?? "application/octet-stream", "content-security-policy": policy(hashes) });
  createReadStream(found).pipe(response);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fake = await startFake({ port: Number(process.argv[2] ?? 0) });
  console.log(fake.url);
}
