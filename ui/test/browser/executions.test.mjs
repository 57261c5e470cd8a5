// The list of executions, of a real server: what each row says, tabs and filters, the search, keys, live changes, paging.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openShop, order, orders, today } from "../shop/shop.mjs";
import { skip } from "./engine.mjs";
import { closeBrowser, countOf, live, open, quickest, rowOf } from "./support.mjs";

let shop;
let ids;
before(async () => {
  if (skip) return;
  shop = await openShop();
  await orders(shop, { from: 0, many: 60 });
  ids = await today(shop);
});
after(async () => {
  await closeBrowser();
  await shop?.close();
});

async function list(search = "", options) {
  const one = await open(`${shop.url}/executions${search}`, options);
  await one.page.locator(".ex-row").first().waitFor();
  return one;
}

const numberOn = async (tab) => Number(((await tab.locator(".ex-tab-count").textContent()) ?? "").replace(/\D/g, ""));

test("a row says what an execution does now, what it waits for, or what came of it", { skip }, async () => {
  const { page, close } = await list();
  const says = {
    retrying: /Retrying.*Order processing.*charge.*attempt 2 of 5 in \d+ s · Card network timeout after 10 s/,
    exporting: /Retrying.*Invoice export.*upload.*attempt 2 of 6/,
    noWorker: /No worker.*Fraud check.*limits: no worker for checkLimits/,
    waiting: /Waiting.*Customer onboarding.*three-days: waits, goes on in 2 d 23 h/,
    paused: /Paused.*Customer onboarding.*Paused by 127\.0\.0\.1/,
    running: /Running.*Catalogue import.*import: running for \d/,
    failed: /Failed.*Order processing v3.*charge: Card \d+ declined: insufficient funds/,
    branched: /Completed.*5 of 7 steps · 1 skipped, 1 failed and handled/,
    cancelled: /Cancelled.*Catalogue import.*1 of 3 steps/,
    completed: /Completed.*Order processing/,
  };
  for (const [name, pattern] of Object.entries(says)) {
    const text = await rowOf(page, ids[name]).textContent();
    assert.match(text, pattern, `${name}: ${text}`);
  }
  await close();
});

test("tabs, filters and counts: the address has them, and is enough", { skip }, async () => {
  const { page, close } = await list();
  const { byStatus, attention } = await shop.api("GET", "/executions/counts");
  const tab = (name) => page.getByRole("link", { name: new RegExp(`^${name}`) });
  assert.equal(await numberOn(tab("All")), Object.values(byStatus).reduce((sum, many) => sum + many));
  assert.equal(await numberOn(tab("Failed")), byStatus.failed);
  assert.equal(await numberOn(tab("Retrying")), attention.retrying);
  await tab("Failed").click();
  await page.waitForURL("**/executions?status=failed");
  assert.equal(await countOf(page.locator('.ex-tabs [aria-current="page"]'), 1), 1, "one tab is the open one");
  await page.keyboard.press("f");
  await page.getByRole("menuitemcheckbox", { name: "Order processing" }).click();
  await page.waitForURL(/workflow=order-processing/);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Any time" }).click();
  await page.getByRole("menuitemradio", { name: "Last hour" }).or(page.getByRole("menuitemcheckbox", { name: "Last hour" })).or(page.getByRole("menuitem", { name: "Last hour" })).click();
  await page.waitForURL(/since=1h/);
  await page.locator(".ex-row").nth(byStatus.failed - 1).waitFor();
  const words = await page.locator(".ex-row .status-word").allTextContents();
  assert.equal(words.length, byStatus.failed);
  assert.ok(words.every((word) => word === "Failed"));
  const again = await list(new URL(page.url()).search);
  assert.equal(await countOf(again.page.locator(".ex-row"), byStatus.failed), byStatus.failed);
  await again.close();
  await page.getByRole("button", { name: "Clear all" }).click();
  await page.waitForURL("**/executions");
  await page.goto(`${shop.url}/executions?workflow=order-processing&version=1&status=failed`);
  await page.getByText("No execution matches these filters.").waitFor();
  await page.getByRole("link", { name: `${byStatus.failed} match without the version` }).waitFor();
  await page.getByRole("button", { name: "v1, remove" }).press("Backspace");
  await page.locator(".ex-row").first().waitFor();
  await page.goBack();
  await page.getByText("No execution matches these filters.").waitFor();
  await close();
});

test("an id in the search opens its execution, anything else is looked for in inputs", { skip }, async () => {
  const { page, close } = await list();
  await page.keyboard.press("/");
  await page.keyboard.type(ids.paused);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/executions/${ids.paused}`);
  await page.goBack();
  await page.locator(".ex-row").first().waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("northwind");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/executions?q=northwind");
  await rowOf(page, ids.running).waitFor();
  assert.equal(await countOf(page.locator(".ex-row"), 1), 1);
  await page.getByRole("button", { name: /northwind.*remove/ }).click();
  await page.waitForURL("**/executions");
  await page.keyboard.press("/");
  await page.keyboard.type("fraud");
  await page.getByRole("option", { name: "Workflow Fraud check" }).click();
  await page.waitForURL("**/workflows/fraud-check");
  await close();
});

test("j, k and Enter go through the rows; back returns to where one was", { skip }, async () => {
  const { page, close } = await list("?workflow=order-processing");
  await live(page);
  const shown = await page.locator(".ex-row .ex-id").evaluateAll((links) => links.map((link) => link.title));
  for (let at = 0; at < 5; at += 1) await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.waitForFunction((id) => document.activeElement?.title === id, shown[3]);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/executions/${shown[3]}`);
  await page.goBack();
  await page.locator(".ex-row").first().waitFor();
  assert.deepEqual(await page.locator(".ex-row .ex-id").evaluateAll((links) => links.map((link) => link.title)), shown);
  await close();
});

test("what changes is seen within a second, in its place, without asking again", { skip }, async () => {
  const { page, close } = await list("?workflow=onboarding");
  await live(page);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  const row = rowOf(page, ids.waiting);
  const turn = (verb, word) => ({ cause: () => shop.api("POST", `/executions/${ids.waiting}/${verb}`), seen: () => row.getByText(word).first().waitFor() });
  const took = await quickest(1000, [turn("pause", "Paused by"), turn("resume", "waits, goes on"), turn("pause", "Paused by"), turn("resume", "waits, goes on")]);
  assert.ok(took < 1000, `expected a change to be seen within a second, the quickest took ${Math.round(took)} ms`);
  assert.deepEqual(asked, [], "the stream brings it, nothing is polled");
  const begun = await quickest(1000, Array.from({ length: 4 }, (_, at) => {
    let id;
    return { cause: async () => ({ id } = await shop.engine.start("onboarding", { customerId: `cus_5${at}`, email: "new@example.com", plan: "pro" })), seen: () => rowOf(page, id).waitFor() };
  }));
  assert.ok(begun < 1000, `expected a new one to be seen within a second, the quickest took ${Math.round(begun)} ms`);
  await close();
});

test("rows stand still under the pointer: what is new waits until it is let in", { skip }, async () => {
  const { page, close } = await list("?workflow=order-processing");
  await live(page);
  const first = () => page.locator(".ex-row .ex-id").first().getAttribute("title");
  const before = await first();
  await page.locator(".ex-row").nth(3).hover();
  const { id } = await shop.engine.start("order-processing", order(700), { wait: "20s" });
  await page.getByRole("button", { name: "▲ 1 new" }).waitFor();
  assert.equal(await first(), before);
  await page.getByRole("button", { name: "▲ 1 new" }).click();
  assert.equal(await first(), id);
  await page.mouse.move(5, 5);
  const second = await shop.engine.start("order-processing", order(701), { wait: "20s" });
  await rowOf(page, second.id).waitFor();
  await close();
});

test("changes can be stopped, and everything that was missed comes afterwards", { skip }, async () => {
  const { page, close } = await list("?workflow=order-processing");
  await live(page);
  await page.getByRole("button", { name: "Live" }).click();
  await page.getByRole("button", { name: "Paused by you" }).waitFor();
  const { id } = await shop.engine.start("order-processing", order(702), { wait: "20s" });
  assert.equal(await rowOf(page, id).count(), 0);
  await page.getByRole("button", { name: "Paused by you" }).click();
  await rowOf(page, id).waitFor();
  await close();
});

test("twenty-five pages are read one after the other, each by its cursor; far away ones are let go and read again", { skip }, async () => {
  await shop.engine.define({ id: "tick", steps: [{ id: "tick", action: "noop" }] });
  const many = 2_500;
  for (let from = 0; from < many; from += 50) await Promise.all(Array.from({ length: 50 }, (_, at) => shop.engine.start("tick", { number: from + at })));
  const { page, close } = await list("?workflow=tick");
  await page.waitForFunction((all) => document.querySelector(".ex-tab[data-open=true] .ex-tab-count")?.textContent?.replace(/\D/g, "") === String(all), many);
  const asked = [];
  page.on("request", (request) => request.url().includes("/api/v1/executions?") && asked.push(new URL(request.url()).searchParams));
  const scroller = page.locator(".ex-scroller");
  const end = page.getByText("That is all: 2,500 executions.");
  while (!(await end.isVisible())) {
    const before = await scroller.evaluate((element) => (element.scrollTo(0, element.scrollHeight), element.scrollHeight));
    await page.waitForFunction((height) => document.querySelector(".ex-scroller").scrollHeight > height || /^That is all/.test(document.querySelector(".ex-foot").textContent), before);
  }
  const cursors = asked.map((parameters) => parameters.get("cursor"));
  assert.equal(cursors.length, 24, "one request a page after the first");
  assert.equal(new Set(cursors).size, 24, "no page is asked for twice");
  assert.ok(asked.every((parameters) => parameters.get("limit") === "100" && parameters.get("fields") === "summary"));
  assert.ok((await page.locator(".ex-row").count()) < 80, "only what is in sight is drawn");
  // The first pages were let go; the way back reads them again, and every row is there, in order, once.
  const seen = new Set();
  /** What is in sight is drawn, and read. */
  const drawn = () =>
    page.waitForFunction(() => {
      const at = Math.floor(document.querySelector(".ex-scroller").scrollTop / 36);
      return document.querySelector(`.ex-row[data-row="${at}"]`) && !document.querySelector(".ex-row-away");
    });
  await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  for (;;) {
    await drawn();
    for (const id of await page.locator(".ex-row .ex-id").evaluateAll((links) => links.map((link) => link.title))) seen.add(id);
    const top = await scroller.evaluate((element) => (element.scrollBy(0, -700), element.scrollTop));
    if (top === 0) break;
  }
  await drawn();
  for (const id of await page.locator(".ex-row .ex-id").evaluateAll((links) => links.map((link) => link.title))) seen.add(id);
  assert.equal(seen.size, many);
  assert.ok(asked.length > 24, "pages that were let go are read again");
  await close();
});
