// What the list costs beside a real server with a hundred thousand executions: when its first rows are there, how many requests
// that takes, and the longest task while a hundred changes a second stream in. By hand, on a machine with nothing else to do:
// elsewhere the numbers are those of the other things. Not a test: tests do not measure time.
//
//   npm run measure                        100,000 executions, made anew (WORKFLOW_BIN: the binary)
//   npm run measure -- 10000               fewer
//   npm run measure -- http://127.0.0.1:4747     first rows only, of a server that runs
import { Agent, request } from "node:http";
import { closeBrowser, DESKTOP, live, open, openBrowser } from "../test/browser/support.mjs";
import { openShop, orders, today } from "../test/shop/shop.mjs";

const given = process.argv[2];
const ours = given?.startsWith("http") ? undefined : await openShop({ pace: 1 });
const url = ours?.url ?? given;
if (ours) await fill(ours, Number(given ?? 100_000));

await firstRows("/executions");
if (ours) {
  await firstRows("/executions?status=failed");
  await changes(ours);
}
await closeBrowser();
await ours?.close();
process.exit(0);

/** By plain starts over connections that stay: the store keeps up with more than one client does. */
async function fill(shop, many) {
  await shop.engine.define({ id: "tick", name: "Tick", steps: [{ id: "tick", action: "noop" }] });
  await orders(shop, { from: 0, many: 120 });
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const to = `${shop.url}/api/v1/workflows/tick/executions`;
  const startOne = (number) =>
    new Promise((done, failed) => {
      const asked = request(to, { method: "POST", agent, headers: { "content-type": "application/json" } }, (answer) => {
        answer.resume();
        answer.on("end", () => (answer.statusCode === 201 ? done() : failed(new Error(`the server answered ${answer.statusCode}`))));
      });
      asked.on("error", failed);
      asked.end(`{"input":{"number":${number}}}`);
    });
  const from = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (next < many) await startOne((next += 1));
    }),
  );
  agent.destroy();
  await today(shop);
  const seconds = (performance.now() - from) / 1000;
  const { byStatus } = await shop.api("GET", "/executions/counts");
  const all = Object.values(byStatus).reduce((sum, one) => sum + one);
  console.log(`${all.toLocaleString("en")} executions, made in ${seconds.toFixed(0)} s (${Math.round(many / seconds)} a second)`);
}

async function firstRows(path) {
  const rounds = [];
  for (let round = 0; round < 5; round += 1) {
    const context = await (await openBrowser()).newContext({ viewport: DESKTOP });
    const page = await context.newPage();
    await page.addInitScript(() => {
      new MutationObserver((_, observer) => {
        if (!document.querySelector(".ex-row")) return;
        observer.disconnect();
        // The frame after this one is the first that shows them.
        requestAnimationFrame(() => setTimeout(() => (window.rowsAt = { ms: performance.now(), requests: performance.getEntriesByType("resource").length + 1 })));
      }).observe(document, { childList: true, subtree: true });
    });
    await page.goto(url + path);
    await page.waitForFunction(() => window.rowsAt);
    await live(page);
    rounds.push(
      await page.evaluate(() => ({
        paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
        rows: window.rowsAt.ms,
        before: window.rowsAt.requests,
        // A stream has no end, and no entry before it: it is one more.
        requests: performance.getEntriesByType("resource").filter((entry) => !entry.name.includes("/stream")).length + 2,
        bytes: performance.getEntriesByType("resource").reduce((sum, entry) => sum + entry.transferSize, 0),
      })),
    );
    await context.close();
  }
  const of = (name) => rounds.map((round) => Math.round(round[name]));
  console.log(`${path}: first paint ${of("paint").join(", ")} ms; first rows painted ${of("rows").join(", ")} ms; requests ${of("requests").join(", ")}; ${Math.round(Math.max(...of("bytes")) / 1024)} KiB over the wire`);
}

/** Forty executions that wait are paused and resumed in turn, and new ones begin: a hundred changes a second. */
async function changes(shop) {
  const waiting = [];
  for (let at = 0; at < 40; at += 1) waiting.push((await shop.engine.start("onboarding", { customerId: `cus_m${at}`, email: "m@example.com", plan: "enterprise" })).id);
  for (const id of waiting) await shop.engine.until(id, (execution) => execution.status === "waiting");
  const { page, close } = await open(`${url}/executions`);
  await page.locator(".ex-row").first().waitFor();
  await live(page);
  await page.evaluate(() => {
    window.long = [];
    new PerformanceObserver((entries) => window.long.push(...entries.getEntries().map((entry) => Math.round(entry.duration)))).observe({ type: "longtask" });
    window.changed = 0;
    new MutationObserver((records) => (window.changed += records.length)).observe(document.querySelector(".ex-table"), { childList: true, subtree: true, characterData: true, attributes: true });
  });
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const metrics = async () => Object.fromEntries((await session.send("Performance.getMetrics")).metrics.map((metric) => [metric.name, metric.value]));
  const before = await metrics();
  const seconds = 20;
  const from = performance.now();
  const running = new Set();
  let sent = 0;
  while (performance.now() - from < seconds * 1000) {
    const due = Math.floor((performance.now() - from) / 10);
    for (; sent < due; sent += 1) {
      const id = waiting[sent % waiting.length];
      const call = sent % 10 === 9 ? shop.engine.start("tick", { sent }) : shop.api("POST", `/executions/${id}/${Math.floor(sent / waiting.length) % 2 ? "resume" : "pause"}`);
      // A refusal is a pause that came before the resume of the round before: it changes nothing.
      const done = call.catch(() => undefined).finally(() => running.delete(done));
      running.add(done);
    }
    await new Promise((next) => setTimeout(next, 20));
  }
  await Promise.all(running);
  const took = (performance.now() - from) / 1000;
  const after = await metrics();
  const { long, changed } = await page.evaluate(() => ({ long: window.long, changed: window.changed }));
  const spent = (name) => (after[name] - before[name]).toFixed(2);
  console.log(
    `${sent} changes in ${took.toFixed(1)} s (${Math.round(sent / took)} a second), ${changed} changes of the page: script ${spent("ScriptDuration")} s, layout ${spent("LayoutDuration")} s, styles ${spent("RecalcStyleDuration")} s; ` +
      `${long.length} tasks above 50 ms${long.length > 0 ? `, the longest ${Math.max(...long)} ms (${long.join(", ")})` : ""}; heap ${Math.round(after.JSHeapUsedSize / 1024 / 1024)} MiB`,
  );
  await close();
}
