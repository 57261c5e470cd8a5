// What a person does with an execution, each asked about first: with a real server, and with what it refuses.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gate, skip, startEngine, startWorker } from "./engine.mjs";
import { answer, failure, live, looking, openExecution } from "./screen.mjs";
import { closeBrowser, findings } from "./support.mjs";

let engine;
let worker;
/** Whether cards are declined; a test changes it as a person mends the world. */
const shop = { declines: true };
let door = gate();

before(async () => {
  if (skip) return;
  engine = await startEngine();
  worker = await startWorker(engine, {
    ok: async (params) => params ?? null,
    charge: async () => {
      if (shop.declines) throw failure("Card 4242 declined", { retryable: false });
      return { charged: true };
    },
    timeOut: async () => {
      if (shop.declines) throw failure("Card network timeout");
      return {};
    },
    hold: (_, { signal }) => Promise.race([door.passed, new Promise((__, stop) => signal.addEventListener("abort", () => stop(failure("stopped"))))]),
  });
  const order = (action, more = {}) => [
    { id: "check", action: "ok", params: { order: "{{input.order}}" } },
    { id: "charge", action, dependsOn: ["check"], ...more },
    { id: "ship", action: "ok", dependsOn: ["charge"] },
  ];
  await engine.define({ id: "failing", steps: order("charge") });
  await engine.define({ id: "retrying", steps: order("timeOut", { maxRetries: 4, retryDelay: "1h" }) });
  await engine.define({ id: "holding", steps: order("hold") });
});

after(async () => {
  await closeBrowser();
  worker?.close();
  await engine?.close();
});

test("pause with p and Enter, then resume; what runs is allowed to finish", { skip }, async () => {
  const { id } = await engine.start("holding", { order: "ord_1" });
  await engine.until(id, (now) => now.stepResults.charge?.status === "running");
  const { page, close } = await openExecution(engine, id);
  await live(page);
  await page.keyboard.press("p");
  const asked = page.getByRole("dialog", { name: "Pause" });
  await asked.getByText("Pause? Nothing new starts. 1 running step is allowed to finish.").waitFor();
  await asked.getByText(`workflow pause ${id}`).waitFor();
  assert.deepEqual(await findings(page), []);
  await page.keyboard.press("Enter");
  await page.getByText("Pausing. charge is still running and is allowed to finish.").waitFor();
  door.open();
  // What is started from here on waits at a door of its own.
  door = gate();
  await page.getByText(/^Paused by .* ago\.$/).waitFor();
  await looking(page, "ship", "paused").waitFor();
  await page.getByText("ship is next after Resume; timers keep their due time.").waitFor();
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await page.getByRole("dialog", { name: "Resume" }).getByRole("button", { name: "Resume" }).click();
  await page.getByText(/^Completed in/).waitFor();
  const { history } = await engine.api("GET", `/executions/${id}`);
  assert.deepEqual(history.flatMap(({ type }) => (type === "pause" || type === "resume" ? [type] : [])), ["pause", "resume"]);
  await close();
});

test("a retry says what it will run, and the sentence changes when the server says so", { skip }, async () => {
  shop.declines = true;
  const { id } = await engine.start("failing", { order: "ord_2" }, { wait: "10s" });
  const { page, close } = await openExecution(engine, id);
  assert.equal(await answer(page).textContent(), "charge failed: Card 4242 declined.");
  await page.getByText("ship did not run.").waitFor();
  shop.declines = false;
  await page.getByRole("button", { name: "Retry", exact: true }).click();
  const asked = page.getByRole("dialog", { name: "Retry" });
  const plan = await asked.locator(".plan dl").evaluate((list) => [...list.children].map((one) => one.textContent));
  assert.deepEqual(plan, ["Runs again", "charge", "Then", "ship", "Kept", "check"]);
  await asked.getByRole("button", { name: "Retry" }).click();
  await page.getByText(/^Completed in .* All 3 steps ran\.$/).waitFor();
  await page.locator(".history-row", { hasText: "retried by" }).waitFor();
  await close();
});

test("a step that waits for its retry is tried at once with Run now", { skip }, async () => {
  shop.declines = true;
  const { id } = await engine.start("retrying", { order: "ord_3" });
  await engine.until(id, (now) => now.stepResults.charge?.waitingFor?.type === "retry");
  const { page, close } = await openExecution(engine, id);
  await live(page);
  shop.declines = false;
  await page.getByRole("button", { name: "Run now", exact: true }).click();
  await page.getByRole("dialog", { name: "Run now" }).getByText("Try charge now, without waiting for its delay?").waitFor();
  await page.keyboard.press("Enter");
  await page.getByText(/^Completed in/).waitFor();
  await close();
});

test("cancelling is asked about with the focus on keeping it, and what ran is told to stop", { skip }, async () => {
  const { id } = await engine.start("holding", { order: "ord_4" });
  await engine.until(id, (now) => now.stepResults.charge?.status === "running");
  const { page, close } = await openExecution(engine, id);
  await live(page);
  await page.keyboard.press("c");
  const dialog = page.getByRole("dialog", { name: "Cancel this execution?" });
  await dialog.waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Keep it");
  assert.deepEqual(await findings(page), []);
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  assert.equal((await engine.api("GET", `/executions/${id}`)).status, "running");
  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: /^Cancel execution/ }).click();
  await dialog.getByRole("button", { name: "Cancel execution" }).click();
  await page.getByText(/^Cancelled by .* at /).waitFor();
  await page.getByText("charge was told to stop; a late result will be ignored.").waitFor();
  await looking(page, "charge", "cancelled").waitFor();
  await close();
});

test("a replay begins with the input in an editor, says which version it will run, and opens what it started", { skip }, async () => {
  shop.declines = false;
  const { id } = await engine.start("failing", { order: "ord_5", total: 12345678901234567890n.toString() }, { wait: "10s" });
  await engine.define({ id: "failing", steps: [{ id: "check", action: "ok", params: { order: "{{input.order}}" } }] });
  const { page, close } = await openExecution(engine, id);
  await page.getByRole("link", { name: "v2 is current" }).waitFor();
  await page.keyboard.press("Shift+R");
  const dialog = page.getByRole("dialog", { name: /Start a new execution/ });
  await dialog.getByText("On the newest version, v2 (this one ran v1).").waitFor();
  const editor = dialog.getByLabel("Input", { exact: true });
  await page.waitForFunction(() => document.querySelector("dialog textarea")?.value.includes("ord_5"));
  // The gutter showed line 1 only: it was as high as its first line.
  const numbers = await dialog.locator(".json-editor-numbers").evaluate((gutter) => {
    const frame = gutter.parentElement.getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(gutter);
    return { text: gutter.textContent, shown: [...range.getClientRects()].filter((line) => line.height > 0 && line.bottom <= frame.bottom + 1).length };
  });
  assert.equal(numbers.text.trim().split(/\s+/).length, (await editor.inputValue()).split("\n").length);
  assert.ok(numbers.shown >= 4, `${numbers.shown} lines are numbered`);
  assert.deepEqual(await findings(page), []);
  await editor.fill('{"order": "edited",}');
  await dialog.getByText(/^Line 1, column 20/).waitFor();
  assert.ok(await dialog.getByRole("button", { name: "Start replay" }).isDisabled());
  await editor.fill('{"order": "edited", "exact": 12345678901234567890}');
  await dialog.getByRole("button", { name: "Start replay" }).click();
  await page.waitForFunction((before) => location.pathname.includes("exec_") && !location.pathname.endsWith(before), id);
  const replayed = new URL(page.url()).pathname.split("/").at(-1);
  const text = await (await fetch(`${engine.url}/api/v1/executions/${replayed}`)).text();
  assert.match(text, /"exact":\s*12345678901234567890/);
  assert.match(text, new RegExp(`"replayOf":"${id}"`));
  await page.getByText("replay of").waitFor();
  await close();
});

test("what the server refuses stands where it was asked for, with its reason", { skip }, async () => {
  const { id } = await engine.start("holding", { order: "ord_6" });
  await engine.until(id, (now) => now.stepResults.charge?.status === "running");
  const { page, close } = await openExecution(engine, id, "", { expected: [/409/] });
  // The page has not heard yet that somebody else was faster.
  await page.locator(".live").click();
  await engine.api("POST", `/executions/${id}/cancel`);
  await page.keyboard.press("p");
  await page.getByRole("dialog", { name: "Pause" }).getByRole("button", { name: "Pause" }).click();
  await page.getByRole("alert").filter({ hasText: /cancelled/ }).waitFor();
  await close();
});

test("in the past nothing can be done, and the page says what to do instead", { skip }, async () => {
  const { id } = await engine.start("holding", { order: "ord_7" });
  await engine.until(id, (now) => now.stepResults.charge?.status === "running");
  const { page, close } = await openExecution(engine, id, "?seq=2");
  await page.getByText("As it was at").waitFor();
  assert.ok(await page.getByRole("button", { name: "Pause", exact: true }).isDisabled());
  await page.keyboard.press("p");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.keyboard.press("l");
  await page.getByText("As it was at").waitFor({ state: "detached" });
  assert.ok(await page.getByRole("button", { name: "Pause", exact: true }).isEnabled());
  await close();
});
