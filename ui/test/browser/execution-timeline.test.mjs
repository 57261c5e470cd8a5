// The timeline of one execution with a real server: attempts, waits, idle time that is folded, zoom, the card under the pointer.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { skip, startEngine, startWorker } from "./engine.mjs";
import { failure, openExecution } from "./screen.mjs";
import { closeBrowser, countOf, findings } from "./support.mjs";

let engine;
let worker;
let waited;

before(async () => {
  if (skip) return;
  engine = await startEngine();
  let tries = 0;
  worker = await startWorker(engine, {
    ok: async () => ({ ok: true }),
    flaky: async () => {
      tries += 1;
      if (tries < 3) throw failure(`Attempt ${tries} was too early`, { code: "early" });
      return { tries };
    },
    always: async () => {
      throw failure("no");
    },
  });
  await engine.define({
    id: "waited",
    steps: [
      { id: "a", action: "ok" },
      { id: "b", action: "ok", wait: "2500ms", dependsOn: ["a"] },
      { id: "c", action: "flaky", maxRetries: 5, retryDelay: "50ms", dependsOn: ["b"] },
      { id: "d", action: "ok", dependsOn: ["c"], condition: "input.more === true" },
    ],
  });
  waited = (await engine.start("waited", { more: false }, { wait: "20s" })).id;
});

after(async () => {
  await closeBrowser();
  worker?.close();
  await engine?.close();
});

test("each attempt is a bar, with its outcome; a wait is no bar; idle time is a break that can be unfolded", { skip }, async () => {
  const { page, close } = await openExecution(engine, waited, "?view=timeline");
  const bars = page.locator('.timeline-row:has([data-step="c"])').locator(".bar");
  await bars.first().waitFor();
  assert.deepEqual(await bars.evaluateAll((all) => all.map((bar) => bar.dataset.outcome)), ["failed", "failed", "completed"]);
  assert.match(await bars.nth(1).getAttribute("aria-label"), /^c, attempt 2, \d\d:\d\d:\d\d\.\d{3} to \d\d:\d\d:\d\d\.\d{3}, \d+ ms, .*failed: Attempt 2 was too early$/);
  assert.equal(await countOf(page.locator('.delay[data-kind="timer"]'), 1), 1);
  assert.equal(await countOf(page.locator('.delay[data-kind="retry"]'), 2), 2);
  await page.locator(".timeline-none", { hasText: "condition false" }).waitFor();
  const pause = page.locator(".timeline-break");
  assert.equal(await countOf(pause, 1), 1);
  assert.match((await pause.textContent()).trim(), /^2\.\d s$/);
  assert.deepEqual(await findings(page), []);
  await pause.click();
  await page.waitForFunction(() => document.querySelectorAll(".timeline-break").length === 0);
  await page.getByRole("button", { name: "Fold idle time", exact: true }).waitFor();
  await close();
});

test("the axis goes on to the next try, behind the line that is now", { skip }, async () => {
  await engine.define({ id: "again", steps: [{ id: "charge", action: "always", maxRetries: 3, retryDelay: "1h" }] });
  const { id } = await engine.start("again");
  await engine.until(id, ({ status }) => status === "waiting");
  const { page, close } = await openExecution(engine, id, "?view=timeline");
  const ahead = page.locator(".timeline-break[data-ahead]");
  await ahead.waitFor();
  assert.match((await ahead.textContent()).trim(), /^(1 h|59 m)/);
  assert.match(await ahead.getAttribute("title"), /^Goes on in .* at \d\d:\d\d:\d\d/);
  const [now, next] = await Promise.all([page.locator(".overlay-now").boundingBox(), page.locator(".delay-ahead[data-ends]").boundingBox()]);
  assert.ok(next.x + next.width > now.x + 40, `expected the next try behind now, found ${next.x + next.width} and ${now.x}`);
  assert.deepEqual(await findings(page), []);
  await ahead.click();
  await ahead.waitFor({ state: "detached" });
  await page.locator(".delay-ahead[data-ends]").waitFor();
  await close();
});

test("the pointer has the exact time, and a card for the attempt that it is on", { skip }, async () => {
  const { page, close } = await openExecution(engine, waited, "?view=timeline");
  const bar = page.locator('.bar[data-outcome="failed"]').first();
  await bar.hover();
  const card = page.locator(".bar-card");
  await card.waitFor();
  assert.match(await card.locator(".bar-card-head").textContent(), /c.*attempt 1 of 6/);
  assert.equal(await card.locator('[data-line="Error"] dd').textContent(), "Attempt 1 was too early");
  assert.match(await card.locator('[data-line="Start"] dd').textContent(), /^\d\d:\d\d:\d\d\.\d{3} · \+\d\.\d s$/);
  assert.equal(await card.locator('[data-line="Again"] dd').textContent(), "in 50 ms");
  assert.match(await page.locator(".crosshair-time").textContent(), /^\d\d:\d\d:\d\d\.\d{3} · \+\d\.\d s$/);
  await page.mouse.move(5, 5);
  await card.waitFor({ state: "detached" });
  await close();
});

test("dragging on the axis zooms, the zoom is in the address, and a bar that is chosen opens its attempt", { skip }, async () => {
  const { page, close } = await openExecution(engine, waited, "?view=timeline");
  const axis = page.locator(".timeline-axis");
  await page.locator(".timeline-bars .bar").first().waitFor();
  const box = await axis.boundingBox();
  await page.mouse.move(box.x + box.width * 0.55, box.y + box.height - 3);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.99, box.y + box.height - 3, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL(/t0=\d+/);
  await page.getByRole("button", { name: "Whole" }).click();
  await page.waitForFunction(() => !location.search.includes("t0="));
  await page.locator('.timeline-row:has([data-step="c"])').locator(".bar").nth(1).click();
  await page.waitForURL(/attempt=2/);
  await page.locator(".failure-message", { hasText: "Attempt 2 was too early" }).waitFor();
  await close();
});

test("thousands of attempts are painted on a canvas, and are reached by keys all the same", { skip }, async () => {
  await engine.define({ id: "many", steps: Array.from({ length: 4 }, (_, index) => ({ id: `m${index}`, action: "always", maxRetries: 400, retryDelay: "1ms", onError: "continue" })) });
  const { id } = await engine.start("many", {}, { wait: "60s" });
  const { page, close } = await openExecution(engine, id, "?view=timeline");
  const row = page.locator(".dense").first();
  await row.waitFor();
  assert.equal(await page.locator(".timeline-bars .bar").count(), 0);
  assert.match(await row.getAttribute("aria-label"), /^m0, 401 attempts; /);
  const painted = await row.locator("canvas").evaluate((canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value !== 0));
  assert.ok(painted);
  await row.focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  await page.waitForURL(/attempt=\d+/);
  await page.locator(".failure-message", { hasText: "no" }).waitFor();
  assert.deepEqual(await findings(page), []);
  await close();
});
