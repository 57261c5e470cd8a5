// The system, of a real server: engine, queue and store; workers and actions; what nobody provides.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openShop, order } from "../shop/shop.mjs";
import { skip, startEngine, startWorker } from "./engine.mjs";
import { closeBrowser, findings, live, open } from "./support.mjs";

let shop;
before(async () => {
  if (skip) return;
  shop = await openShop();
});
after(async () => {
  await closeBrowser();
  await shop?.close();
});

test("a server with nothing: every screen says what to do next", { skip }, async () => {
  const empty = await startEngine({ memory: true });
  const { page, close } = await open(`${empty.url}/`);
  await page.waitForURL("**/executions");
  await page.getByText("Nothing has run yet.").waitFor();
  await page.getByText("workflow start order-processing --input '{}'").waitFor();
  assert.deepEqual(await findings(page), []);
  for (const [path, text] of [
    ["/workflows", "No workflow is registered."],
    ["/errors", "Nothing failed in the last 7 days."],
    ["/system", "No worker is connected. Actions in this process: 0."],
    ["/system?tab=actions", "No workflow uses an action, and nobody provides one."],
    ["/system?tab=jobs", "Nothing was done in bulk in the last 30 days."],
  ]) {
    await page.goto(empty.url + path);
    await page.getByText(text).waitFor();
    assert.deepEqual(await findings(page), []);
  }
  // The first execution takes the place of the words by itself.
  await page.goto(`${empty.url}/executions`);
  await page.getByText("Nothing has run yet.").waitFor();
  await live(page);
  await empty.define({ id: "first", steps: [{ id: "only", action: "noop" }] });
  await empty.start("first");
  await page.locator(".ex-row").first().waitFor();
  await close();
  await empty.close();
});

test("cards follow the engine; its worker and what it provides are there", { skip }, async () => {
  const { page, close } = await open(`${shop.url}/system`);
  await page.getByText("Takes work").waitFor();
  await page.getByText("0 executions").waitFor();
  await live(page);
  await shop.engine.start("order-processing", order(1), { wait: "20s" });
  await page.getByText("1 execution", { exact: true }).waitFor();
  const workers = page.getByRole("table", { name: "Workers" });
  await workers.getByText("of 48").waitFor();
  await workers.getByText("chargeCard").waitFor();
  // It says every few seconds that it is there; the exact time is in the hint.
  const seen = workers.getByRole("row").filter({ hasText: "chargeCard" }).locator("time");
  await seen.getByText(/^(just now|\d s ago)$/).waitFor();
  assert.ok(Math.abs(Date.now() - Date.parse(await seen.getAttribute("datetime"))) < 30_000);
  assert.deepEqual(await findings(page), []);
  await close();
});

test("an action that nobody provides is named with what waits for it, until somebody does", { skip }, async () => {
  const { id } = await shop.engine.start("fraud-check", { paymentId: "pay_1" });
  await shop.engine.until(id, (execution) => execution.stepResults.score?.status === "completed");
  const { page, close } = await open(`${shop.url}/system?tab=actions`);
  // Both "Workers" and "Actions" were shown as the open one: a link without parameters is "active" under any of them.
  const notice = page.locator(".sy-missing");
  await notice.getByText("1 step waits").waitFor();
  assert.deepEqual(await page.locator('.tabs [aria-current="page"]').allTextContents(), ["Actions"]);
  assert.match(await notice.textContent(), /Nobody provides checkLimits/);
  assert.match(await page.getByRole("row", { name: /checkLimits/ }).textContent(), /nobody/);
  assert.deepEqual(await findings(page), []);
  await notice.getByRole("link", { name: "1 step waits" }).click();
  await page.waitForURL("**/executions?attention=noWorker");
  await page.getByText("no worker for").waitFor();
  const late = await startWorker(shop.engine, { checkLimits: async () => ({ ok: true }) });
  await shop.engine.until(id, (execution) => execution.status === "completed");
  await page.getByText("No execution matches these filters.").or(page.locator('.ex-row[data-gone="true"]')).first().waitFor();
  late.close();
  await close();
});

test("a worker has the name that it calls itself, and is away when it has gone without a word", { skip }, async () => {
  const worker = await startWorker(shop.engine, { pack: async () => ({ ok: true }) }, { name: "packer-1" });
  const { page, close } = await open(`${shop.url}/system`);
  const row = page.getByRole("row", { name: /packer-1/ });
  await row.locator("time").waitFor();
  assert.equal(await row.getByText("away").count(), 0);
  worker.close();
  await row.getByText("away").waitFor();
  assert.equal(await row.locator("time").count(), 1);
  assert.deepEqual(await findings(page), []);
  await close();
});

test("an endpoint that cannot be reached is said with its reason", { skip }, async () => {
  await shop.api("PUT", "/endpoints/mailer", { url: "http://127.0.0.1:1" });
  const { page, close } = await open(`${shop.url}/system`);
  const row = page.getByRole("row", { name: /mailer/ });
  await row.getByText("Endpoint").waitFor();
  await row.getByText(/Not reachable: /).waitFor();
  await close();
});
