// A real server with tokens: the field for one, one that is wrong, one that was revoked, and what a reader is shown.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openShop, order } from "../shop/shop.mjs";
import { skip } from "./engine.mjs";
import { closeBrowser, countOf, findings, open } from "./support.mjs";

const refusals = { expected: [/401 \(Unauthorized\)/, /403 \(Forbidden\)/] };
let shop;
let admin;
const as = (token) => ({ authorization: `Bearer ${token}` });
const make = async (name, role, by) => (await shop.api("POST", "/tokens", { name, role }, by === undefined ? {} : as(by))).token;

before(async () => {
  if (skip) return;
  shop = await openShop();
  await shop.engine.start("order-processing", order(1, { card: "tok_declined" }), { wait: "20s" });
  await shop.engine.start("order-processing", order(2), { wait: "20s" });
  admin = await make("ops", "admin");
});
after(async () => {
  await closeBrowser();
  await shop?.close();
});

async function enter(page, token) {
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.keyboard.press("Enter");
}

test("the page asks for a token, says when it is wrong, and goes on where it was", { skip }, async () => {
  const { page, close } = await open(`${shop.url}/executions?status=failed`, refusals);
  await page.getByRole("dialog", { name: "This server wants a token" }).waitFor();
  assert.deepEqual(await findings(page), []);
  await enter(page, "wf_wrong");
  await page.getByText("The server does not know this token, or it was revoked.").waitFor();
  assert.deepEqual(await findings(page), []);
  await enter(page, admin);
  await page.locator(".ex-row").first().waitFor();
  await page.waitForURL("**/executions?status=failed");
  await page.waitForFunction(() => document.querySelector(".live")?.dataset.state === "live");
  assert.equal(await page.evaluate(() => localStorage.getItem("token")), null, "it is kept in this tab only");
  assert.ok(!page.url().includes(admin), "it is in no address");
  // Another screen, read anew: the tab knows it still, and so does what is asked for before the page's own code.
  await page.goto(`${shop.url}/`);
  await page.locator(".ex-row").first().waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
  const other = await open(`${shop.url}/workflows`, refusals);
  await other.page.getByRole("dialog", { name: "This server wants a token" }).waitFor();
  await other.close();
  await close();
});

test("a token that is revoked while the page is open: it asks again, and what was seen stays", { skip }, async () => {
  const token = await make("guest", "operator", admin);
  const { page, close } = await open(`${shop.url}/executions`, { expected: [...refusals.expected, /net::ERR/] });
  await enter(page, token);
  await page.waitForFunction(() => document.querySelector(".live")?.dataset.state === "live");
  await shop.api("DELETE", "/tokens/guest", undefined, as(admin));
  await page.getByText("The server does not know this token, or it was revoked.").waitFor();
  assert.equal(await countOf(page.locator(".ex-row"), 2), 2);
  await enter(page, admin);
  await page.waitForFunction(() => document.querySelector(".live")?.dataset.state === "live");
  await close();
});

test("a reader is shown everything and offered nothing that would be refused", { skip }, async () => {
  const reader = await make("auditor", "reader", admin);
  const refused = [];
  const { page, close } = await open(`${shop.url}/executions`, { ...refusals, storageState: undefined });
  await enter(page, reader);
  await page.locator(".ex-row").nth(1).waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".ex-row input").length === 0);
  page.on("response", (response) => response.status() >= 400 && refused.push(`${response.status()} ${response.url()}`));
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.keyboard.press("a");
  assert.equal(await page.locator(".ex-selected").count(), 0);
  const offers = /^(Retry|Replay|Cancel|Pause|Resume|Start|Run now|Send event|Stop)/;
  const places = [
    ["/executions?status=failed", ".ex-row"],
    ["/workflows", "tbody tr"],
    ["/workflows/order-processing", "tbody tr"],
    ["/errors", "tbody tr"],
    ["/events", "form"],
    ["/system", "main .card"],
    ["/system?tab=actions", "tbody tr"],
    ["/workflows/order-processing/start", "form"],
  ];
  for (const [path, there] of places) {
    // What may be done comes with the answer of this one.
    await Promise.all([page.waitForResponse(/\/api\/v1\/system$/), page.goto(shop.url + path)]);
    await page.locator(there).first().waitFor();
    await page.waitForFunction(() => !document.querySelector(".skeleton"));
    const offered = await page.locator("main button:visible, main a.button:visible").allTextContents();
    assert.deepEqual(offered.filter((text) => offers.test(text.trim())), [], path);
  }
  await page.goto(`${shop.url}/errors`);
  await page.getByRole("link", { name: /declined/ }).click();
  await page.getByText("How it differs").or(page.getByText("Example")).first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Retry one" }).count(), 0);
  assert.deepEqual(refused, []);
  await close();
});
