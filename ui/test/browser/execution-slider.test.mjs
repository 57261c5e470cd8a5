// Through the history: the graph, the sentence and the state as they were after any entry. With a real server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gate, skip, startEngine, startWorker } from "./engine.mjs";
import { answer, failure, live, LIVE_MS, looks, openExecution } from "./screen.mjs";
import { closeBrowser, findings } from "./support.mjs";

let engine;
let worker;
let ended;
const door = gate();

before(async () => {
  if (skip) return;
  engine = await startEngine();
  let tries = 0;
  worker = await startWorker(engine, {
    ok: async () => ({ ok: true }),
    hold: () => door.passed,
    flaky: async () => {
      tries += 1;
      if (tries < 2) throw failure("Card network timeout");
      return { tries };
    },
  });
  await engine.define({ id: "order", steps: [{ id: "check", action: "ok" }, { id: "charge", action: "flaky", maxRetries: 2, retryDelay: "1ms", dependsOn: ["check"] }, { id: "ship", action: "ok", dependsOn: ["charge"] }] });
  ended = (await engine.start("order", {}, { wait: "10s" })).id;
});

after(async () => {
  await closeBrowser();
  worker?.close();
  await engine?.close();
});

/** Moves the slider as a person does by keys. */
const slide = (page, to) => page.getByRole("slider", { name: "Entry of the history" }).fill(String(to));

test("any entry shows graph, sentence and state as they were, and the address leads there", { skip }, async () => {
  const { history } = await engine.api("GET", `/executions/${ended}`);
  const failed = history.find((entry) => entry.type === "step_fail").seq;
  const { page, close } = await openExecution(engine, ended, "?tab=state");
  assert.deepEqual(await looks(page), { completed: ["charge", "check", "ship"] });
  await slide(page, failed);
  await page.locator('button.node[data-step="charge"][data-look="retrying"]').waitFor();
  assert.deepEqual(await looks(page), { retrying: ["charge"], completed: ["check"], notYet: ["ship"] });
  assert.match(await answer(page).textContent(), /^charge failed once \(“Card network timeout”\) and is tried again .*, attempt 2 of 3\.$/);
  await page.getByText("As it was at").waitFor();
  await page.waitForURL(new RegExp(`seq=${failed}`));
  await page.getByText(`after entry ${failed}, charge`).waitFor();
  assert.equal(await page.getByRole("group", { name: "state", exact: true }).getByText('"ship"').count(), 0);
  const slider = page.getByRole("slider", { name: "Entry of the history" });
  assert.match(await slider.getAttribute("aria-valuetext"), new RegExp(`^${failed}: charge attempt 1 failed: Card network timeout`));
  assert.deepEqual(await findings(page), []);
  await page.reload();
  await page.locator('button.node[data-step="charge"][data-look="retrying"]').waitFor();
  await page.getByRole("button", { name: /^Go live/ }).first().click();
  await page.locator('button.node[data-step="ship"][data-look="completed"]').waitFor();
  await page.waitForFunction(() => !location.search.includes("seq="));
  await close();
});

test("keys: one entry back and on, the next error, live again; an entry of the list shows its moment", { skip }, async () => {
  const { page, close } = await openExecution(engine, ended);
  const place = page.locator(".slider-place .num");
  const { length } = (await engine.api("GET", `/executions/${ended}`)).history;
  await page.keyboard.press(",");
  await place.filter({ hasText: `${length - 1} of ${length}` }).waitFor();
  await page.keyboard.press(",");
  await page.keyboard.press(".");
  await place.filter({ hasText: `${length - 1} of ${length}` }).waitFor();
  await page.keyboard.press("l");
  await page.keyboard.press("e");
  await page.locator(".history-row[data-here]").waitFor();
  assert.match(await page.locator(".history-row[data-here]").textContent(), /charge attempt 1 failed/);
  await page.locator(".history-row", { hasText: "check completed" }).getByRole("button", { name: "Show" }).click();
  await place.filter({ hasText: `3 of ${length}` }).waitFor();
  await close();
});

test("it plays, and stops at what went wrong", { skip }, async () => {
  const { page, close } = await openExecution(engine, ended);
  const { history } = await engine.api("GET", `/executions/${ended}`);
  await page.keyboard.press(" ");
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await page.getByRole("button", { name: "Play (Space)" }).waitFor();
  const failed = history.find((entry) => entry.type === "step_fail").seq;
  await page.locator(".slider-place .num", { hasText: `${failed} of ${history.length}` }).waitFor();
  await close();
});

test("the past stands still while the present goes on, and says how far it is behind", { skip }, async () => {
  await engine.define({ id: "holding", steps: [{ id: "charge", action: "hold" }, { id: "ship", action: "ok", dependsOn: ["charge"] }] });
  const { id } = await engine.start("holding");
  await engine.until(id, (now) => now.stepResults.charge?.status === "running");
  const { page, close } = await openExecution(engine, id);
  await live(page);
  await page.keyboard.press(",");
  await page.getByText("As it was at").waitFor();
  const before = await looks(page);
  door.open();
  await engine.until(id, (now) => now.status === "completed");
  await page.getByRole("button", { name: /^Go live · \d entries later/ }).filter({ hasText: /[45]/ }).waitFor({ timeout: LIVE_MS });
  assert.deepEqual(await looks(page), before);
  await page.keyboard.press("l");
  await page.locator('button.node[data-step="ship"][data-look="completed"]').waitFor();
  await close();
});
