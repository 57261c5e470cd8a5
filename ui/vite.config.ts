// How the page is built: into `dist`, which the server carries in its binary. `npm run dev` serves it with reloading in
// front of a server of its own (WORKFLOW_URL, else http://127.0.0.1:4747).
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { minify, type Plugin } from "vite";
import { defineConfig } from "vitest/config";

const server = process.env["WORKFLOW_URL"] ?? "http://127.0.0.1:4747";
const forwarded = { target: server, changeOrigin: true, headers: { origin: server } };

const first = new URL("./src/first.js", import.meta.url);

/** `src/first.js` runs before anything is drawn, so it stands in the document itself: the server allows it by its hash. */
function firstScript(): Plugin {
  return {
    name: "first-script",
    async transformIndexHtml() {
      const { code } = await minify("first.js", readFileSync(first, "utf8"));
      return [{ tag: "script", children: code.trim(), injectTo: "head-prepend" }];
    },
  };
}

const RUNTIME = "rolldown-runtime";
const FIRST = "first";

/**
 * What rolldown needs to join modules is a file of half a kilobyte, whatever the groups say: one more request before anything is drawn.
 * Here it goes into the first script, from which every other one takes something anyway.
 */
function runtimeInFirst(): Plugin {
  return {
    name: "runtime-in-first",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
        const [runtime, first] = [RUNTIME, FIRST].map((name) => chunks.find((chunk) => chunk.name === name));
        if (runtime === undefined || first === undefined) throw new Error(`expected ${RUNTIME} and ${FIRST} among the chunks, found ${chunks.map(({ name }) => name).join()}`);
        const local = (file: string) => `./${file.slice(file.lastIndexOf("/") + 1)}`;
        const imports = new RegExp(`import\\{([^}]*)\\}from"${local(runtime.fileName).replaceAll(".", "\\.")}";`);
        const exported = /export\{([^}]*)\};?\s*$/;
        const pairs = (list = "") => list.split(",").map((one) => one.split(" as ") as [string, string?]);
        const outside = (name: string) => `$rolldown_${name}`;

        const names = pairs(exported.exec(runtime.code)?.[1]).map(([inner, name = inner]) => ({ inner, name }));
        const inFirst = new Map(pairs(imports.exec(first.code)?.[1]).map(([name, inner = name]) => [name, inner]));
        const bound = ({ name }: { name: string }) => inFirst.get(name) ?? outside(name);
        const body = runtime.code.replace(exported, `return{${names.map(({ inner, name }) => `${name}:${inner}`).join()}}`);
        const kept = first.code.replace(imports, "").replace(exported, (_, list: string) => `export{${list},${names.map((one) => `${bound(one)} as ${outside(one.name)}`).join()}};`);
        first.code = `const{${names.map((one) => `${one.name}:${bound(one)}`).join()}}=(()=>{${body}})();${kept}`;

        for (const chunk of chunks) {
          if (chunk === first || chunk === runtime) continue;
          // A script's name is a hash of what it imports too: only one that imports the first anyway is another one whenever that changes.
          const taken = imports.exec(chunk.code)?.[1];
          if (taken !== undefined && !chunk.code.includes(`from"${local(first.fileName)}"`)) throw new Error(`${chunk.fileName} takes nothing from the first script`);
          chunk.code = chunk.code
            .replace(imports, () => `import{${pairs(taken).map(([name, inner = name]) => `${outside(name)} as ${inner}`).join()}}from"${local(first.fileName)}";`)
            .replaceAll(`"${runtime.fileName}"`, `"${first.fileName}"`);
        }
        // The list of what a script needs is in the first one too.
        first.code = first.code.replaceAll(`"${runtime.fileName}"`, `"${first.fileName}"`);
        const page = bundle["index.html"];
        if (page?.type === "asset") page.source = String(page.source).replace(new RegExp(`\\s*<script[^>]*src="/${runtime.fileName}"></script>`), "");
        delete bundle[runtime.fileName];
      },
    },
  };
}

/** What the server gives to browsers that take it: compressed once, here, as well as it can be. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    // From the files as they were written: in the bundle some are not what they will be until the last plugin is through.
    writeBundle({ dir = "dist" }, bundle) {
      for (const name of Object.keys(bundle).filter((one) => /\.(js|css|svg|html)$/.test(one))) {
        const text = readFileSync(join(dir, name));
        if (text.length < 1024) continue;
        writeFileSync(join(dir, `${name}.gz`), gzipSync(text, { level: 9 }));
        writeFileSync(join(dir, `${name}.br`), brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), firstScript(), runtimeInFirst(), compressed()],
  build: {
    target: "es2023",
    // Small things stay files: data: addresses would need a wider content policy.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // What the first screen needs is one file: left alone, what it shares with other screens is cut into a dozen.
        codeSplitting: {
          groups: [
            {
              name: FIRST,
              test: /node_modules\/(react|react-dom|scheduler|@tanstack)\/|rolldown\/runtime|vite\/preload|src\/main\.|src\/(api|format|frame|executions|router|theme)\/|src\/parts\/(status|icons|dialog|menu|copy|panels|time)\./,
            },
          ],
        },
      },
    },
  },
  worker: { format: "es" },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": forwarded, "/openapi.json": forwarded },
  },
  // Bounded, but not by what a busy machine takes.
  test: { include: ["test/unit/**/*.test.ts", "test/unit/**/*.test.tsx"], environment: "node", testTimeout: 60_000 },
});
