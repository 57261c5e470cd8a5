// What the screen of one execution costs, beside a real server: a graph of 200 steps from its data to its nodes, a history of 10,000
// entries, moves of the slider, long tasks. On a machine that is busy with other things the numbers are those of the other things.
//
//   WORKFLOW_BIN=... node --experimental-websocket scripts/measure-execution.mjs
import { startEngine, startWorker } from "../test/browser/engine.mjs";
import { whole } from "../test/browser/screen.mjs";
import { closeBrowser, open } from "../test/browser/support.mjs";

const MOVES = 60;
const engine = await startEngine({ memory: true });
const worker = await startWorker(engine, {
  ok: async () => null,
  always: async () => {
    throw new Error("no");
  },
});
const net = [];
for (let layer = 0; layer < 20; layer += 1) {
  for (let lane = 0; lane < 10; lane += 1) {
    net.push({ id: `s${layer}-${lane}`, action: "ok", dependsOn: layer === 0 ? [] : [...new Set([`s${layer - 1}-${lane}`, `s${layer - 1}-${(lane * 7 + layer) % 10}`])] });
  }
}
await engine.define({ id: "net", steps: net });
await engine.define({ id: "many", steps: Array.from({ length: 100 }, (_, index) => ({ id: `m${index}`, action: "always", maxRetries: 33, retryDelay: "1ms", onError: "continue" })) });
const ids = { net: (await engine.start("net", {}, { wait: "60s" })).id, many: (await engine.start("many", {}, { wait: "60s" })).id };

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const p95 = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.95)];

/** Every task above 50 ms from the first script on. */
const watchTasks = (page) =>
  page.addInitScript(() => {
    window.long = [];
    new PerformanceObserver((list) => window.long.push(...list.getEntries().map((entry) => Math.round(entry.duration)))).observe({ type: "longtask", buffered: true });
  });

/**
 * How long each move takes from the input to the end of the frame that shows it, in milliseconds: the pointer is the browser's own, since
 * what a script dispatches comes at another time of a frame.
 */
async function dragged(page, count) {
  await page.evaluate(() => {
    window.moves = [];
    const { port1, port2 } = new MessageChannel();
    let began;
    // Handled after the frame that it was sent in has been drawn.
    port1.onmessage = () => {
      window.moves.push(performance.now() - began);
      began = undefined;
    };
    const onInput = ({ timeStamp }) => {
      if (began !== undefined) return;
      began = timeStamp;
      requestAnimationFrame(() => port2.postMessage(undefined));
    };
    document.querySelector("input[type=range]").addEventListener("input", onInput, { capture: true });
  });
  const { x, y, width, height } = await page.locator("input[type=range]").boundingBox();
  const to = (at) => page.mouse.move(x + 8 + (width - 16) * at, y + height / 2);
  await to(1);
  await page.mouse.down();
  for (let at = 1; at <= count; at += 1) {
    await to(at / (count + 2));
    await page.waitForTimeout(30);
  }
  await page.mouse.up();
  return page.evaluate(() => window.moves);
}

const ROUNDS = 5;
const later = [];

for (let round = 1; round <= ROUNDS; round += 1) {
  const { page, close } = await open(`${engine.url}/favicon.svg`);
  await watchTasks(page);
  await page.goto(engine.address(ids.net));
  await page.locator("button.node").first().waitFor();
  const drawn = await page.evaluate(() => {
    const ended = (part) => performance.getEntriesByType("resource").find((entry) => entry.name.includes(part))?.responseEnd;
    return { nodes: performance.now(), head: ended("/executions/"), definition: ended("version="), long: window.long };
  });
  const data = Math.max(drawn.head ?? 0, drawn.definition ?? 0);
  later.push(drawn.nodes - data);
  console.log(`graph of 200 steps, round ${round}: data by ${Math.round(data)} ms, nodes at most ${Math.round(drawn.nodes - data)} ms later; tasks over 50 ms: ${drawn.long.join(" ") || "none"}`);
  await close();
}

console.log(`graph of 200 steps: median ${Math.round(median(later))} ms from its data to its nodes`);

for (const name of ["many", "net"]) {
  const { page, close } = await open(`${engine.url}/favicon.svg`);
  await watchTasks(page);
  await page.goto(engine.address(ids[name]));
  await page.locator(".answer-lead").waitFor();
  const answered = await page.evaluate(() => performance.now());
  await whole(page);
  const read = await page.evaluate(() => performance.now());
  await page.locator("button.node").first().waitFor();
  const loading = await page.evaluate(() => window.long.splice(0));
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const metrics = async () => Object.fromEntries((await session.send("Performance.getMetrics")).metrics.map((metric) => [metric.name, metric.value]));
  const before = await metrics();
  const moves = await dragged(page, MOVES);
  const max = await page.locator("input[type=range]").getAttribute("max");
  const after = await metrics();
  const each = (key) => (((after[key] - before[key]) / MOVES) * 1_000).toFixed(1);
  const long = await page.evaluate(() => window.long);
  console.log(`${max} entries (${name}): answer by ${Math.round(answered)} ms, all read by ${Math.round(read)} ms; tasks over 50 ms while loading: ${loading.join(" ") || "none"}`);
  console.log(`  ${MOVES} moves of the slider: script ${each("ScriptDuration")}, styles ${each("RecalcStyleDuration")}, layout ${each("LayoutDuration")} ms each; from the input to the end of its frame median ${median(moves).toFixed(0)}, p95 ${p95(moves).toFixed(0)} ms; tasks over 50 ms: ${long.join(" ") || "none"}`);
  await close();
}
await closeBrowser();
worker.close();
await engine.close();
