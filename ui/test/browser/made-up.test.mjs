// What a real server cannot be brought into at will: an answer of 500, a thousand changes in a moment, a search that runs out
// of time. Everything else is tested beside a real one.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { change, makeWorld } from "../fake/answers.mjs";
import { startFake } from "../fake/server.mjs";
import { closeBrowser, countOf, findings, live, open, PHONE } from "./support.mjs";

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
  delete world.nodes;
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

test("engines that share a database are listed, with what stands still; one by itself is not", async () => {
  const node = (name, slots, more) => ({ id: `engine-${name}`, name, url: `http://${name}:4747`, joinedAt: world.now - 7_200_000, slots, status: "live", self: false, ...more });
  world.nodes = [node("first", 1408, { self: true }), node("sec\u202eond", 1344, { status: "lapsed" }), node("third", 1344, { url: undefined })];
  for (const size of [undefined, PHONE]) {
    const { page, close } = await open(`${fake.url}/system`, { size });
    const table = page.getByRole("table", { name: "Engines" });
    const row = (name) => table.getByRole("row").filter({ hasText: name });
    await page.getByText("1 of 3 engines has not been heard from. 33 % of the executions stand still until another engine takes them over.").waitFor();
    assert.match(await row("first").textContent(), /^first, answeredLive34 %2 h agohttp:\/\/first:4747$/);
    // Its name turns the direction of writing, and is a text like any other.
    assert.match(await row("\\u202e").textContent(), /^sec\\u202eondLapsed33 %/);
    assert.match(await row("third").textContent(), /^thirdLive33 %2 h ago$/);
    assert.deepEqual(await findings(page), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the window");
    await close();
  }
  const { page, close } = await open(`${fake.url}/system`);
  await page.getByText("1 of 3 engines has not been heard from.").waitFor();
  // It has been taken over; the page asks by itself.
  world.nodes = [node("first", 2048, { self: true }), node("third", 2048)];
  await page.getByText("2 engines share the executions; what is shown above is of the one that answered.").waitFor();
  assert.deepEqual(await page.getByRole("table", { name: "Engines" }).getByText("Lapsed").count(), 0);
  world.nodes = undefined;
  await page.getByRole("table", { name: "Engines" }).waitFor({ state: "detached" });
  await page.getByText("Takes work").waitFor();
  await close();
});
