// A browser for the tests, and what every page is watched for while it is open: mistakes of its script, breaches of the
// content policy, requests to anywhere else.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const axe = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

const places = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = places.find((place) => place && existsSync(place));

let browser;

export async function openBrowser() {
  assert.ok(executablePath, "expected Chromium at /usr/bin/chromium or in CHROMIUM: apt-get install chromium");
  browser ??= await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  return browser;
}

export async function closeBrowser() {
  await browser?.close();
  browser = undefined;
}

/** A page of its own, and `check`, which fails when something went wrong in it. `expected` are texts of it that are meant to be. */
export async function open(url, { size = DESKTOP, colorScheme = "light", expected = [], ...more } = {}) {
  const context = await (await openBrowser()).newContext({ viewport: size, colorScheme, reducedMotion: "reduce", hasTouch: size === PHONE, isMobile: size === PHONE, ...more });
  const page = await context.newPage();
  const wrong = [];
  const origin = new URL(url).origin;
  page.on("pageerror", (error) => expected.some((one) => one.test(error.message)) || wrong.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !expected.some((one) => one.test(message.text()))) wrong.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith("blob:")) wrong.push(`asked ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    wrong.push(`a dialog said ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  return {
    page,
    async close() {
      await context.close();
      assert.deepEqual(wrong, []);
    },
  };
}

/** What axe finds, as lines that say where; by all of its rules, or by these. */
export async function findings(page, rules) {
  // The content policy allows no script of others in the page; axe is run beside it. It is half a megabyte: once for a page.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const { violations } = await page.evaluate((only) => window.axe.run(document, { resultTypes: ["violations"], ...(only && { runOnly: only }) }), rules);
  return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")} ${node.failureSummary?.split("\n").slice(1).join(" ") ?? ""}`));
}

/** How many there are: as many as are expected once they are there, else as many as there are after a while. */
export async function countOf(locator, expected) {
  await locator.nth(expected - 1).waitFor({ state: "attached" }).catch(() => undefined);
  const until = performance.now() + 5_000;
  let found = await locator.count();
  while (found !== expected && performance.now() < until) {
    await locator.page().waitForTimeout(50);
    found = await locator.count();
  }
  return found;
}

/** Whether the page is wider than its window. */
export function overflows(page) {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
}

/** The stream stands: from here on changes are shown by themselves. */
export function live(page) {
  return page.waitForFunction(() => document.querySelector(".live")?.dataset.state === "live");
}

/** The row of an execution in the list. */
export function rowOf(page, id) {
  return page.locator(".ex-row", { has: page.locator(`[title="${id}"]`) });
}

/**
 * How long it takes, in milliseconds, until what `cause` does is seen, the quickest of some tries: the page is asked, not the
 * machine, which others use at the same time. Ends with the first try below `enough`.
 */
export async function quickest(enough, tries) {
  let best = Number.POSITIVE_INFINITY;
  for (const { cause, seen } of tries) {
    const from = performance.now();
    await cause();
    await seen();
    best = Math.min(best, performance.now() - from);
    if (best < enough) break;
  }
  return best;
}
