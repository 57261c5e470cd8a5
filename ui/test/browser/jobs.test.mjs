// Many executions at once, of a real server: the dialog before, progress while, every refusal with its reason after.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openShop, order } from "../shop/shop.mjs";
import { skip } from "./engine.mjs";
import { closeBrowser, countOf, findings, live, open } from "./support.mjs";

let shop;
before(async () => {
  if (skip) return;
  shop = await openShop();
});
after(async () => {
  await closeBrowser();
  await shop?.close();
});

const declined = (many, from) => Promise.all(Array.from({ length: many }, (_, at) => shop.engine.start("order-processing", order(from + at, { card: "tok_declined" }), { wait: "20s" })));
const byStatus = async () => (await shop.api("GET", "/executions/counts?workflowId=order-processing")).byStatus;

test("selected ones are retried as a job, which says how many it did", { skip }, async () => {
  await declined(7, 0);
  const { page, close } = await open(`${shop.url}/executions?status=failed`);
  await live(page);
  await page.locator(".ex-row").nth(6).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  for (let at = 0; at < 4; at += 1) await page.keyboard.press("j");
  await page.keyboard.press("Shift+x");
  await page.getByText("5 selected").waitFor();
  await page.keyboard.press("r");
  const dialog = page.getByRole("dialog", { name: "Retry 5 failed executions?" });
  await dialog.waitFor();
  await dialog.locator(".ex-sample li").nth(4).waitFor();
  assert.deepEqual(await findings(page), []);
  shop.mood.declined.clear();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/jobs/job_*");
  await page.getByText("5 retried.").waitFor();
  await page.waitForFunction(() => document.querySelectorAll("tbody a[title]").length === 5);
  // While another tab is open, this one says it too.
  await page.waitForFunction(() => document.title === "✓ Retry 5 · workflow.do");
  assert.match(await page.locator('link[rel="icon"]').getAttribute("href"), /^data:image\/svg\+xml,.*circle/);
  assert.equal(await page.getByRole("progressbar", { name: "Handled" }).getAttribute("aria-valuenow"), "5");
  assert.deepEqual(await findings(page), []);
  await page.goto(`${shop.url}/system?tab=jobs`);
  await page.getByRole("link", { name: "Retry 5" }).waitFor();
  await close();
});

test("all that match: one is tried first, its outcome is seen, then the others; what changed meanwhile is skipped, with the reason", { skip }, async () => {
  shop.mood.declined.add("tok_declined");
  await declined(6, 100);
  const before = await byStatus();
  const { page, close } = await open(`${shop.url}/executions?status=failed&workflow=order-processing`);
  await page.locator(".ex-row").nth(before.failed - 1).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.getByRole("button", { name: `Retry all ${before.failed} that match…` }).click();
  const dialog = page.getByRole("dialog", { name: `Retry ${before.failed} failed executions?` });
  await dialog.getByText("of order-processing").waitFor();
  await dialog.getByLabel(/Try 1 first/).check();
  shop.mood.declined.clear();
  await dialog.getByRole("button", { name: "Try 1 first" }).click();
  await page.waitForURL("**/jobs/job_*");
  await page.getByText(`The other ${before.failed - 1} wait for you`).waitFor();
  await page.getByRole("region", { name: "The one that was tried" }).getByText("completed").first().waitFor();
  assert.deepEqual(await findings(page), []);
  const { executions } = await shop.api("GET", "/executions?status=failed&workflowId=order-processing&fields=summary");
  await shop.api("POST", `/executions/${executions[0].id}/retry`);
  await page.getByRole("button", { name: `Retry the other ${before.failed - 1}` }).click();
  await page.getByText(`${before.failed - 1} retried, 1 not: their state had changed meanwhile.`).waitFor();
  await page.getByRole("link", { name: /^Skipped/ }).click();
  await page.waitForURL(/outcome=skipped/);
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  assert.equal(await countOf(page.locator(`tbody [title="${executions[0].id}"]`), 1), 1);
  assert.match(await page.locator("tbody tr").textContent(), /completed|running/i, "it says what state it is in");
  assert.deepEqual(await findings(page), []);
  assert.equal((await byStatus()).failed, 0);
  await close();
});

test("a canary that fails again stops there: nothing else was touched", { skip }, async () => {
  shop.mood.declined.add("tok_declined");
  await declined(3, 200);
  const { page, close } = await open(`${shop.url}/executions?status=failed`);
  await page.locator(".ex-row").nth(2).waitFor();
  await page.keyboard.press("a");
  await page.keyboard.press("r");
  await page.getByLabel(/Try 1 first/).check();
  await page.getByRole("button", { name: "Try 1 first" }).click();
  await page.waitForURL("**/jobs/job_*");
  await page.getByText("failed again. The other 2 were not touched.").waitFor();
  await page.getByRole("button", { name: "Stop here" }).click();
  await page.getByText("Stopped: 2 were not touched.").waitFor();
  assert.equal((await byStatus()).failed, 3);
  await close();
});

test("cancelling asks first, with the focus on keeping them; hundreds are cancelled with progress", { skip }, async () => {
  const many = 300;
  for (let from = 0; from < many; from += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, at) => shop.engine.start("onboarding", { customerId: `cus_${from + at}`, email: "a@example.com", plan: "enterprise" })));
  }
  const { page, close } = await open(`${shop.url}/executions?status=waiting`);
  await page.waitForFunction((all) => document.querySelector(".ex-tab[data-open=true] .ex-tab-count")?.textContent === String(all), many);
  await page.locator(".ex-row").first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.getByRole("button", { name: `Cancel all ${many} that match…` }).click();
  await page.getByRole("dialog", { name: `Cancel ${many} executions?` }).waitFor();
  await page.waitForFunction(() => document.activeElement?.textContent === "Keep them");
  await page.keyboard.press("Enter");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.getByRole("button", { name: `Cancel all ${many} that match…` }).click();
  await page.getByRole("button", { name: `Cancel ${many}`, exact: true }).click();
  await page.waitForURL("**/jobs/job_*");
  await page.getByText(`${many} cancelled.`).waitFor();
  await page.getByRole("button", { name: "Show more" }).click();
  await page.waitForFunction(() => document.querySelectorAll("tbody a[title]").length === 200);
  assert.equal((await shop.api("GET", "/executions/counts?workflowId=onboarding")).byStatus.cancelled, many);
  await page.goto(`${shop.url}/jobs/job_none`);
  await page.getByText("There is no job with this id").waitFor();
  await page.context().close();
  void close;
});
