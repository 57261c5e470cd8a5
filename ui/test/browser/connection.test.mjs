// The server is killed and started again, at the same address with the same file: what each list does meanwhile, and after.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openShop, order } from "../shop/shop.mjs";
import { skip } from "./engine.mjs";
import { closeBrowser, countOf, live, open, rowOf } from "./support.mjs";

let shop;
before(async () => {
  if (skip) return;
  shop = await openShop();
  await Promise.all([1, 2, 3].map((number) => shop.engine.start("order-processing", order(number), { wait: "20s" })));
});
after(async () => {
  await closeBrowser();
  await shop?.close();
});

test("what was seen stays, the loss is said with its time, and what changed meanwhile is there without a reload", { skip }, async () => {
  const waiting = await shop.engine.start("onboarding", { customerId: "cus_1", email: "a@example.com", plan: "enterprise" });
  await shop.engine.until(waiting.id, (execution) => execution.status === "waiting");
  const { page, close } = await open(`${shop.url}/executions`, { expected: [/net::ERR/] });
  await live(page);
  await rowOf(page, waiting.id).getByText("waits, goes on").waitFor();
  await shop.engine.kill();
  await page.getByText(/Connection lost at \d\d:\d\d:\d\d\. What you see is from then\./).waitFor();
  await page.getByRole("button", { name: "Not connected" }).waitFor();
  assert.equal(await countOf(page.locator(".ex-row"), 4), 4);
  await shop.engine.restart();
  // Changed before the page is back: one that it knows, and one that it has never seen.
  await shop.api("POST", `/executions/${waiting.id}/pause`);
  const fresh = await shop.engine.start("onboarding", { customerId: "cus_2", email: "b@example.com", plan: "enterprise" });
  await page.getByRole("button", { name: "Reconnect now" }).click({ timeout: 2000 }).catch(() => undefined);
  await rowOf(page, fresh.id).waitFor();
  await rowOf(page, waiting.id).getByText("Paused by").waitFor();
  await page.getByText("Live again. What changed meanwhile has been loaded.").waitFor();
  // And it is live: the next change comes by itself.
  await shop.api("POST", `/executions/${waiting.id}/resume`);
  await rowOf(page, waiting.id).getByText("waits, goes on").waitFor();
  await close();
});

test("a page that is opened while the server is away says so, and comes up by itself when asked again", { skip }, async () => {
  const { page, close } = await open(`${shop.url}/workflows`, { expected: [/net::ERR/, /Unable to preload CSS|Failed to fetch dynamically/] });
  await page.getByText("Order processing").first().waitFor();
  await shop.engine.kill();
  await page.getByRole("link", { name: "Errors" }).first().click();
  await page.getByText("A part of this page could not be loaded.").or(page.getByText("The server could not be reached")).waitFor();
  await shop.engine.restart();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("Nothing failed in the last 7 days.").waitFor();
  await close();
});

test("a command whose answer is lost says that nobody knows, and is not done twice", { skip }, async () => {
  const { page, close } = await open(`${shop.url}/executions?status=waiting`, { expected: [/net::ERR/] });
  await page.locator(".ex-row").first().waitFor();
  await live(page);
  const before = (await shop.api("GET", "/jobs")).jobs.length;
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.keyboard.press("c");
  const dialog = page.getByRole("dialog", { name: /^Cancel \d+ executions?\?/ });
  await dialog.waitFor();
  await page.route("**/api/v1/jobs", async (route) => {
    await route.fetch();
    await route.abort("connectionreset");
  }, { times: 1 });
  const confirm = dialog.getByRole("button", { name: /^Cancel \d/ });
  await confirm.click();
  await dialog.getByText("No answer came, so we do not know whether it was begun. Pressing again does not do it twice.").waitFor();
  await confirm.click();
  await page.waitForURL("**/jobs/job_*");
  assert.equal((await shop.api("GET", "/jobs")).jobs.length, before + 1);
  await close();
});
