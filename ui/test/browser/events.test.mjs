// Events, with a real server: what one would start, and what it started.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openShop } from "../shop/shop.mjs";
import { skip } from "./engine.mjs";
import { closeBrowser, findings, open } from "./support.mjs";

let shop;
before(async () => {
  if (skip) return;
  shop = await openShop();
});
after(async () => {
  await closeBrowser();
  await shop?.close();
});

const many = async () => Object.values((await shop.api("GET", "/executions/counts")).byStatus).reduce((sum, one) => sum + one);

test("an event is tried while it is typed, and starts nothing by that", { skip }, async () => {
  const { page, close } = await open(`${shop.url}/events`);
  const name = page.getByLabel("Event", { exact: true });
  const data = page.getByLabel("Data");
  await name.fill("Customer.craeted");
  await page.getByText("No workflow listens to").waitFor();
  await page.getByRole("button", { name: "Customer.created" }).click();
  assert.equal(await name.inputValue(), "Customer.created");
  await data.fill('{"plan": "pro"}');
  const side = page.getByRole("region", { name: "What it starts" });
  await side.getByText("would not start").waitFor();
  assert.match(await side.textContent(), /condition plan === "enterprise" read plan = "pro" → false/);
  await data.fill('{"plan": }');
  await page.getByText(/Line 1, column 10/).waitFor();
  assert.ok(await page.getByRole("button", { name: "Send event" }).isDisabled());
  await data.fill('{"plan": "enterprise"}');
  await side.getByText(/would start/).waitFor();
  assert.deepEqual(await findings(page), []);
  assert.equal(await many(), 0);
  await close();
});

test("an event that is sent shows what it started, live; the same id starts nothing twice", { skip }, async () => {
  const { page, close } = await open(`${shop.url}/events?event=Order.placed&id=evt_1`);
  await page.getByLabel("Data").fill('{"orderId": "ord_1", "total": 1200, "currency": "EUR", "card": "tok_visa"}');
  await page.getByRole("button", { name: "Send event" }).click();
  await page.locator(".ev-started").getByText("Completed").waitFor();
  assert.equal(await many(), 1);
  await page.getByRole("button", { name: "Send event" }).click();
  await page.getByText("already delivered. Nothing new was started").waitFor();
  assert.equal(await many(), 1);
  assert.deepEqual(await findings(page), []);
  await page.getByLabel("Event", { exact: true }).fill("Nobody.listens");
  await page.getByLabel(/^Event id/).fill("");
  await page.getByRole("button", { name: "Send event" }).click();
  await page.getByText("It started nothing.").waitFor();
  await close();
});

test("a condition that throws is said as such", { skip }, async () => {
  await shop.engine.define({ id: "strict", triggers: [{ event: "Refund.asked", condition: "order.total > 10" }], steps: [{ id: "go", action: "noop" }] });
  const { page, close } = await open(`${shop.url}/events?event=Refund.asked`);
  await page.getByText("would not start").waitFor();
  assert.match(await page.getByRole("region", { name: "What it starts" }).textContent(), /order/);
  await close();
});
