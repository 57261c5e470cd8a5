// axe on the screen of one execution in each of its states, light and dark, desktop and phone; and all of it by keys alone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { skip, startEngine, startWorker } from "./engine.mjs";
import { failure, node, openExecution, whole } from "./screen.mjs";
import { closeBrowser, DESKTOP, findings, open, overflows, PHONE } from "./support.mjs";

let engine;
let worker;
const ids = {};

before(async () => {
  if (skip) return;
  engine = await startEngine();
  worker = await startWorker(engine, {
    ok: async () => ({ total: 42, list: [1, 2], text: "x" }),
    refuse: async () => {
      throw failure("Card 4242 declined", { code: "card_declined", retryable: false });
    },
    timeOut: async () => {
      throw failure("Card network timeout");
    },
    hold: () => new Promise(() => undefined),
  });
  const order = (id, action, more = {}) =>
    engine.define({
      id,
      name: "Order processing",
      steps: [
        { id: "check", action: "ok" },
        { id: "charge", action, dependsOn: ["check"], ...more },
        { id: "gift", action: "ok", dependsOn: ["check"], condition: "input.gift === true" },
        { id: "ship", action: "ok", dependsOn: ["charge", "gift"] },
        ...(more.errorBranch ? [{ id: more.errorBranch, action: "ok" }] : []),
      ],
    });
  await order("completed", "ok");
  await order("failed", "refuse");
  await order("branched", "refuse", { onError: "branch", errorBranch: "tell" });
  await order("retrying", "timeOut", { maxRetries: 4, retryDelay: "1h" });
  await order("waiting", "ok", { wait: "3d" });
  await order("running", "hold");
  await order("nobody", "nobody");
  const begin = async (name, workflow, is) => {
    const { id } = await engine.start(workflow, { gift: false });
    await engine.until(id, is);
    ids[name] = id;
    return id;
  };
  const charge = (status, type) => (now) => now.stepResults.charge?.status === status && now.stepResults.charge.waitingFor?.type === type;
  await begin("completed", "completed", (now) => now.status === "completed");
  await begin("failed", "failed", (now) => now.status === "failed");
  await begin("branched", "branched", (now) => now.status === "completed");
  await begin("retrying", "retrying", charge("waiting", "retry"));
  await begin("waiting", "waiting", charge("waiting", "timer"));
  await begin("running", "running", charge("running", undefined));
  await begin("no worker", "nobody", charge("waiting", "worker"));
  await engine.api("POST", `/executions/${await begin("paused", "nobody", charge("waiting", "worker"))}/pause`);
  await engine.api("POST", `/executions/${await begin("cancelled", "running", charge("running", undefined))}/cancel`);
  ids.replay = (await engine.api("POST", `/executions/${ids.failed}/replay`, {})).id;
  await engine.until(ids.replay, (now) => now.status === "failed");
});

after(async () => {
  await closeBrowser();
  worker?.close();
  await engine?.close();
});

const NAMES = ["completed", "failed", "branched", "retrying", "waiting", "running", "no worker", "paused", "cancelled", "replay"];

for (const [name, size] of [["desktop", DESKTOP], ["phone", PHONE]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`axe finds nothing in any state: ${name}, ${colorScheme}`, { skip }, async () => {
      // In the dark only colours are others.
      const rules = colorScheme === "dark" ? ["color-contrast"] : undefined;
      const opened = await openExecution(engine, ids.completed, "", { size, colorScheme });
      // Colours of a phone in the dark are those of the desktop: there it is what is only on the phone.
      const states = colorScheme === "dark" && size === PHONE ? ["completed", "failed", "retrying"] : NAMES;
      for (const state of states) {
        await opened.page.goto(engine.address(ids[state]));
        await opened.page.locator(".slider-place", { hasText: / of / }).waitFor();
        assert.deepEqual(await findings(opened.page, rules), [], state);
        assert.equal(await overflows(opened.page), false, state);
      }
      for (const query of ["?view=timeline", "?tab=state&step=charge", "?tab=definition", "?seq=3"]) {
        await opened.page.goto(engine.address(ids.branched, query));
        await opened.page.locator(".slider-place", { hasText: / of / }).waitFor();
        assert.deepEqual(await findings(opened.page, rules), [], query);
        assert.equal(await overflows(opened.page), false, query);
      }
      await opened.page.goto(engine.address(ids.running, "?view=timeline"));
      await opened.page.locator('.bar[data-outcome="running"]').waitFor();
      assert.deepEqual(await findings(opened.page, rules), [], "the timeline of what runs");
      await opened.close();
    });
  }
}

test("by keys alone: to a step, along the edges, to its panel and back, to the timeline, with a link to it all", { skip }, async () => {
  const { page, close } = await openExecution(engine, ids.branched, "", { permissions: ["clipboard-read", "clipboard-write"] });
  await node(page, "check").waitFor();
  await page.keyboard.press("ArrowRight");
  await page.waitForURL(/step=check/);
  await page.keyboard.press("ArrowRight");
  await page.waitForURL(/step=(charge|gift)/);
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "inspector");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => !location.search.includes("step="));
  await page.keyboard.press("v");
  await page.locator(".timeline-row").first().waitFor();
  await page.keyboard.press("s");
  await page.getByRole("group", { name: "state", exact: true }).waitFor();
  await page.keyboard.press("y");
  await page.getByText("Link copied").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());
  await page.keyboard.press("v");
  await page.locator("button.node").first().waitFor();
  await page.keyboard.press("?");
  const keys = page.getByRole("dialog", { name: "Keys" });
  for (const label of ["Next error", "Copy a link to what is shown", "Graph or timeline", "Replay"]) await keys.getByText(label, { exact: true }).waitFor();
  assert.deepEqual(await findings(page), []);
  await close();
});

test("[ and ] go along the list that one came from", { skip }, async () => {
  const { page, close } = await open(`${engine.url}/executions`);
  const rows = page.locator(".ex-row");
  await rows.nth(1).waitFor();
  const listed = await page.locator('[title^="exec_"]').evaluateAll((all) => [...new Set(all.map((one) => one.title))]);
  await rows.nth(1).click();
  await page.waitForURL(`**/executions/${listed[1]}**`);
  await whole(page);
  await page.keyboard.press("]");
  await page.waitForURL(`**/executions/${listed[2]}**`);
  await whole(page);
  await page.keyboard.press("[");
  await page.waitForURL(`**/executions/${listed[1]}**`);
  await whole(page);
  await page.keyboard.press("[");
  await page.waitForURL(`**/executions/${listed[0]}**`);
  assert.ok(await page.getByRole("button", { name: "The execution before, in the list" }).isDisabled());
  await close();
});

test("nodes are in the order of the graph for those who hear it, and the list of steps says the same", { skip }, async () => {
  const { page, close } = await openExecution(engine, ids.branched);
  await page.getByRole("group", { name: "Steps of branched" }).waitFor();
  const said = (selector) => page.locator(selector).evaluateAll((all) => all.map((one) => `${one.dataset.step} ${one.dataset.look} ${one.querySelector(".only-read-aloud").textContent}`));
  assert.deepEqual(await said(".steplist-row"), await said("button.node"));
  await page.getByRole("button", { name: /^gift condition false ?, skipped$/ }).and(page.locator(".node")).waitFor();
  await close();
});
