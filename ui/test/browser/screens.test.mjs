// Every list screen of a real server with a shop in it, light and dark, desktop and phone: axe finds nothing, nothing goes
// wrong, nothing is wider than the window.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openShop, order, orders, today } from "../shop/shop.mjs";
import { skip } from "./engine.mjs";
import { closeBrowser, DESKTOP, findings, open, overflows, PHONE } from "./support.mjs";

let shop;
let fingerprint;
let job;
before(async () => {
  if (skip) return;
  shop = await openShop();
  await orders(shop, { from: 0, many: 60 });
  await today(shop);
  const { errors } = await shop.api("GET", "/errors");
  ({ fingerprint } = errors.find((kind) => kind.code === "card_declined"));
  const ids = [];
  for (const number of [801, 802, 803]) ids.push((await shop.engine.start("order-processing", order(number, { card: "tok_declined" }), { wait: "20s" })).id);
  ({ id: job } = await shop.api("POST", "/jobs", { action: "retry", ids, canary: true }));
});
after(async () => {
  await closeBrowser();
  await shop?.close();
});

const SCREENS = [
  ["executions", "/executions", "no worker for"],
  ["failed executions", "/executions?status=failed&since=7d&workflow=order-processing&version=3&by=manual", "insufficient funds"],
  ["no execution", "/executions?status=paused&workflow=nothing", "No execution matches these filters."],
  ["workflows", "/workflows", "Invoice export"],
  ["a workflow", "/workflows/order-processing?compare=2&step=charge", "charge.maxRetries"],
  ["versions", "/workflows/order-processing?tab=versions", "What changed"],
  ["triggers", "/workflows/onboarding?tab=triggers", "Customer.created"],
  ["start", "/workflows/order-processing/start", "Start execution"],
  ["errors", "/errors", "insufficient funds"],
  ["an error", "/errors/FINGERPRINT", "Retry one"],
  ["events", "/events?event=Customer.created", "would not start"],
  ["workers", "/system", "of 48"],
  ["actions", "/system?tab=actions", "Nobody provides"],
  ["jobs", "/system?tab=jobs", "waits for you"],
  ["a job", "/jobs/JOB", "wait for you"],
  ["no job", "/jobs/job_none", "There is no job with this id"],
  ["no page", "/nowhere/at-all", "There is no page here."],
];

const path = (template) => template.replace("FINGERPRINT", fingerprint).replace("JOB", job);

for (const [name, template, text] of SCREENS) {
  for (const size of [DESKTOP, PHONE]) {
    test(`${name}, ${size === PHONE ? "phone" : "desktop"}`, { skip }, async () => {
      const { page, close } = await open(shop.url + path(template), { size, expected: [/404 \(Not Found\)/] });
      await page.getByText(text).first().waitFor();
      assert.deepEqual(await findings(page), []);
      assert.equal(await overflows(page), false, "it scrolls sideways");
      await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
      assert.deepEqual(await findings(page, ["color-contrast"]), [], "dark");
      if (size === PHONE) {
        await page.setViewportSize({ width: 320, height: 640 });
        assert.equal(await overflows(page), false, "it scrolls sideways at 320 px");
      }
      await close();
    });
  }
}

test("text twice as large: nothing is cut off sideways", { skip }, async () => {
  const { page, close } = await open(`${shop.url}/executions`, { size: { width: 640, height: 800 } });
  await page.addStyleTag({ content: ":root { font-size: 200% !important; }" });
  for (const [name, template, text] of SCREENS.filter(([name]) => name !== "no page" && name !== "no job")) {
    await page.goto(shop.url + path(template));
    await page.addStyleTag({ content: ":root { font-size: 200% !important; }" });
    // Of a list fewer rows are in sight.
    await (name === "executions" ? page.locator(".ex-row") : page.getByText(text)).first().waitFor();
    assert.equal(await overflows(page), false, `${name} scrolls sideways`);
  }
  await close();
});

test("what opens over a screen: keys, menu, search, dialogs", { skip }, async () => {
  const { page, close } = await open(`${shop.url}/executions?status=failed`);
  const both = async () => {
    assert.deepEqual(await findings(page), []);
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    assert.deepEqual(await findings(page, ["color-contrast"]), [], "dark");
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  };
  await page.locator(".ex-row").first().waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await both();
  await page.keyboard.press("Escape");
  await page.keyboard.press("f");
  await page.getByRole("menu", { name: "Workflow" }).waitFor();
  await both();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.keyboard.type("order");
  await page.getByRole("option", { name: /^Workflow/ }).waitFor();
  await both();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.keyboard.press("a");
  await page.keyboard.press("r");
  await page.getByRole("dialog", { name: /Retry \d+ failed executions\?/ }).waitFor();
  await both();
  await close();
});

test("with Caps Lock the keys are what they are without it", { skip }, async () => {
  // With Caps Lock on, `r` arrives as "R" without Shift, and Shift+r as "r": neither may turn into the other.
  const { page, close } = await open(`${shop.url}/executions?status=failed`);
  await page.locator(".ex-row").first().waitFor();
  const press = (key, shiftKey = false) => page.evaluate(([name, shift]) => (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent("keydown", { key: name, shiftKey: shift, bubbles: true, cancelable: true })), [key, shiftKey]);
  await press("J");
  await page.waitForFunction(() => document.activeElement?.closest(".ex-row") !== null);
  await press("X");
  await page.getByText("1 selected").waitFor();
  await press("J");
  await press("J");
  await page.waitForFunction(() => document.activeElement?.closest(".ex-row")?.dataset.row === "2");
  // Shift and a letter under Caps Lock is the letter in small.
  await press("x", true);
  await page.getByText("3 selected").waitFor();
  await close();
});
