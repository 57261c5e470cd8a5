// What a real server cannot be brought into at will: an answer of 500, a thousand changes in a moment, a search that runs out
// of time. Everything else is tested beside a real one.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { change, makeWorld } from "../fake/answers.mjs";
import { startFake } from "../fake/server.mjs";
import { closeBrowser, countOf, live, open } from "./support.mjs";

let fake;
let world;
before(async () => {
  world = makeWorld();
  fake = await startFake({ world });
});
beforeEach(() => {
  Object.assign(world, makeWorld(), { streams: world.streams });
  delete world.broken;
  delete world.slow;
});
after(async () => {
  await closeBrowser();
  await fake.close();
});

const list = (path = "/executions", options) => open(fake.url + path, options).then(async (one) => (await one.page.locator(".ex-row").first().waitFor(), one));

test("what cannot be read is said where it would be, and can be asked again", async () => {
  world.broken = /^\/api\/v1\/executions$/;
  const { page, close } = await open(`${fake.url}/executions?since=1h`, { expected: [/500 \(Internal/] });
  await page.getByText("The server could not answer (500, request 8f3k2a11).").waitFor();
  delete world.broken;
  delete world.slow;
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator(".ex-row").first().waitFor();
  await close();
});

test("of a thousand changes the last one of each row is seen, and the table is drawn ten times a second at most", async () => {
  const { page, close } = await list();
  await live(page);
  await page.locator(".ex-row").nth(3).hover();
  await page.evaluate(() => {
    window.frames_ = new Set();
    new MutationObserver(() => window.frames_.add(Math.floor(performance.now() / 16))).observe(document.querySelector(".ex-table tbody"), { subtree: true, childList: true, attributeFilter: ["data-kind"] });
  });
  const rows = world.executions.slice(0, 20);
  for (let round = 1; round <= 50; round += 1) {
    for (const row of rows) change(world, { ...row, lastSeq: row.lastSeq + round, status: round % 2 ? "running" : "failed", error: `round ${round}`, errorStepId: undefined, reasons: [], completedAt: undefined });
    await new Promise((done) => setImmediate(done));
  }
  await page.waitForFunction(() => [...document.querySelectorAll(".ex-row .ex-error")].filter((one) => one.textContent === "round 50").length === 20);
  assert.ok((await page.evaluate(() => window.frames_.size)) < 50, "fifty rounds are fewer drawings");
  await close();
});


test("a search that ran out of time says how far it looked, and goes on when asked", async () => {
  world.executions = world.executions.slice(0, 40).map((row) => ({ ...row, inputText: "needle" }));
  world.slow = true;
  const { page, close } = await list("/executions?q=needle");
  await page.getByText(/^Searched back to /).waitFor();
  assert.equal(await countOf(page.locator(".ex-row"), 10), 10);
  for (let rows = 20; rows <= 40; rows += 10) {
    await page.getByRole("button", { name: "Search further" }).click();
    await page.waitForFunction((last) => (document.querySelector(".ex-scroller").scrollTo(0, 1e6), document.querySelector(`.ex-row[data-row="${last}"]`)), rows - 1);
  }
  await page.getByText("That is all: 40 executions.").waitFor();
  await close();
});
