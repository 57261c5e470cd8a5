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
  plugins: [react(), firstScript(), compressed()],
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
              name: "first",
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
