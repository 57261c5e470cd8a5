// What breaks, of a real server: kinds of errors, one that is retried, then the rest.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openShop, order } from "../shop/shop.mjs";
import { skip } from "./engine.mjs";
import { closeBrowser, countOf, findings, open } from "./support.mjs";

let shop;
before(async () => {
  if (skip) return;
  shop = await openShop();
});
after(async () => {
  await closeBrowser();
  await shop?.close();
});

test("nothing failed yet: it says so", { skip }, async () => {
  const { page, close } = await open(`${shop.url}/errors`);
  await page.getByText("Nothing failed in the last 7 days.").waitFor();
  await close();
});

test("failures are kinds, with numbers taken out; one is retried, and then the rest", { skip }, async () => {
  const cards = await Promise.all([1, 2, 3, 4].map((number) => shop.engine.start("order-processing", order(number, { card: "tok_declined" }), { wait: "20s" })));
  await shop.engine.start("order-processing", order(9, { items: [{ sku: "sku-lamp-07", quantity: 1 }] }), { wait: "20s" });
  const { page, close } = await open(`${shop.url}/errors`);
  const row = page.getByRole("row", { name: /declined: insufficient funds/ });
  await row.waitFor();
  assert.match(await row.textContent(), /Card n declined: insufficient funds/, "the number that differs is taken out");
  assert.equal(await countOf(page.locator("tbody tr"), 2), 2);
  await page.getByRole("link", { name: "5 failed now" }).waitFor();
  assert.deepEqual(await findings(page), []);
  await row.getByRole("link").click();
  await page.waitForURL("**/errors/*");
  await page.getByText("card_declined").first().waitFor();
  await page.getByText("How it differs").waitFor();
  assert.equal(await countOf(page.locator(".er-examples li"), 4), 4);
  for (const { id } of cards) await page.locator(`table [title="${id}"]`).waitFor();
  assert.deepEqual(await findings(page), []);
  await page.getByRole("button", { name: "Retry one" }).click();
  await page.getByText("failed again in the same way: nothing else was touched").waitFor();
  assert.equal((await shop.api("GET", "/executions/counts")).byStatus.failed, 5);
  shop.mood.declined.clear();
  await page.reload();
  await page.getByRole("button", { name: "Retry one" }).click();
  await page.getByText(/completed in/).waitFor();
  await page.getByRole("button", { name: "Retry the other 3…" }).click();
  await page.getByRole("dialog", { name: "Retry 3 failed executions?" }).waitFor();
  await page.getByRole("button", { name: "Retry 3", exact: true }).click();
  await page.waitForURL("**/jobs/job_*");
  await page.getByText("3 retried.").waitFor();
  assert.equal((await shop.api("GET", "/executions/counts")).byStatus.failed, 1, "the other kind was left alone");
  await close();
});

test("only what is looked at is retried: the other workflow with the same error is left alone", { skip }, async () => {
  // Retry one, under a filter of one workflow, took the newest of any workflow.
  shop.mood.declined.add("tok_declined");
  await shop.engine.define({ id: "subscription", steps: [{ id: "charge", action: "chargeCard", params: { amount: "$.input.total", card: "$.input.card", orderId: "$.input.orderId" } }] });
  const one = await shop.engine.start("order-processing", order(21, { card: "tok_declined" }), { wait: "20s" });
  const other = await shop.engine.start("subscription", order(22, { card: "tok_declined" }), { wait: "20s" });
  shop.mood.declined.clear();
  const { page, close } = await open(`${shop.url}/errors?workflow=order-processing`);
  await page.getByRole("row", { name: /declined/ }).getByRole("button", { name: "Retry one" }).click();
  await page.getByText(/completed in/).waitFor();
  const status = async ({ id }) => (await shop.api("GET", `/executions/${id}`)).status;
  assert.equal(await status(one), "completed");
  assert.equal(await status(other), "failed");
  await page.goto(`${shop.url}/errors?window=1h&workflow=fraud-check`);
  await page.getByText("Nothing failed in the last hour.").waitFor();
  await close();
});

test("a kind that is not known is said, with what to do", { skip }, async () => {
  const { page, close } = await open(`${shop.url}/errors/0123456789abcdef`, { expected: [/404 \(Not Found\)/] });
  await page.getByText("Nothing failed in this way in the time that is looked at.").waitFor();
  await page.getByRole("link", { name: "Look at the last 30 days" }).click();
  await page.waitForURL(/window=30d/);
  await close();
});
