// The graph of one execution with a real server: what has happened, what happens, and which way it went.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gate, skip, startEngine, startWorker } from "./engine.mjs";
import { answer, failure, live, LIVE_MS, looking, looks, node, openExecution } from "./screen.mjs";
import { closeBrowser, countOf, findings } from "./support.mjs";

let engine;
let worker;
const door = gate();
const ok = async () => ({ ok: true });

before(async () => {
  if (skip) return;
  engine = await startEngine();
  worker = await startWorker(engine, {
    ok,
    wait: () => door.passed.then(ok),
    refuse: async () => {
      throw failure("Card 4242 declined", { code: "card_declined", retryable: false });
    },
    timeOut: async () => {
      throw failure("Card network timeout");
    },
  });
});

after(async () => {
  await closeBrowser();
  worker?.close();
  await engine?.close();
});

test("a step that begins, and one that ends, is on the screen within a second, and no node moves", { skip }, async () => {
  await engine.define({
    id: "order",
    steps: [
      { id: "check", action: "ok" },
      { id: "charge", action: "wait", dependsOn: ["check"] },
      { id: "ship", action: "ok", dependsOn: ["charge"] },
    ],
  });
  const { id } = await engine.start("order");
  await engine.until(id, (now) => now.stepResults.charge?.status === "running");
  const { page, close } = await openExecution(engine, id);
  await live(page);
  await looking(page, "charge", "running").waitFor();
  assert.deepEqual(await looks(page), { completed: ["check"], running: ["charge"], notYet: ["ship"] });
  await page.getByText("charge has been running for").waitFor();
  const places = () => page.locator("button.node").evaluateAll((nodes) => nodes.map((one) => one.getBoundingClientRect()).map(({ x, y }) => [Math.round(x), Math.round(y)]));
  const before = await places();
  door.open();
  await engine.until(id, (now) => now.status === "completed");
  await looking(page, "ship", "completed").waitFor({ timeout: LIVE_MS });
  assert.match(await answer(page).textContent(), /^Completed in .*\. All 3 steps ran\.$/);
  const now = await places();
  assert.deepEqual(now.map(([x]) => x), before.map(([x]) => x));
  await close();
});

test("attempts are told on the node, and the sentence says when it is tried again", { skip }, async () => {
  await engine.define({ id: "retrying", steps: [{ id: "charge", action: "timeOut", maxRetries: 4, retryDelay: "1h" }, { id: "ship", action: "ok", dependsOn: ["charge"] }] });
  const { id } = await engine.start("retrying");
  await engine.until(id, (now) => now.stepResults.charge?.waitingFor?.type === "retry");
  const { page, close } = await openExecution(engine, id);
  await looking(page, "charge", "retrying").waitFor();
  await node(page, "charge").locator('.pips[aria-label="1 of 5 attempts failed"]').waitFor();
  assert.match(await answer(page).textContent(), /^charge failed once \(“Card network timeout”\) and is tried again in (59 m \d\d s|1 h), attempt 2 of 5\.$/);
  assert.match(await node(page, "charge").getAttribute("title"), /^charge, retrying, attempt 1 of 5 failed, next at /);
  await page.waitForFunction(() => /charge retrying · retrying/.test(document.title));
  await close();
});

test("an error branch that was taken, what it left out, and a condition that was false look different", { skip }, async () => {
  await engine.define({
    id: "branches",
    steps: [
      { id: "charge", action: "refuse", onError: "branch", errorBranch: "tell" },
      { id: "ship", action: "ok", dependsOn: ["charge"] },
      { id: "tell", action: "ok" },
      { id: "gift", action: "ok", condition: "input.gift === true" },
      { id: "pack", action: "ok" },
      { id: "rescue", action: "ok" },
      { id: "risky", action: "ok", onError: "branch", errorBranch: "rescue" },
    ],
  });
  const { id } = await engine.start("branches", { gift: false }, { wait: "10s" });
  const { page, close } = await openExecution(engine, id);
  await looking(page, "tell", "completed").waitFor();
  assert.deepEqual(await looks(page), { failedHandled: ["charge"], skipped: ["gift", "rescue", "ship"], completed: ["pack", "risky", "tell"] });
  assert.equal(await answer(page).textContent(), "Completed by its error branch: charge failed (Card 4242 declined), tell ran.");
  const edge = (from, to, kind) => page.locator(`.react-flow__edge[data-id="${from} ${kind} ${to}"] .edge`);
  assert.equal(await edge("charge", "tell", "!").getAttribute("data-look"), "taken");
  assert.equal(await edge("charge", "tell", "!").getAttribute("data-kind"), "error");
  assert.equal(await edge("charge", "ship", ">").getAttribute("data-look"), "notTaken");
  assert.equal(await edge("risky", "rescue", "!").getAttribute("data-look"), "open");
  await node(page, "gift").getByText("condition false").waitFor();
  await node(page, "ship").getByText("not reached").waitFor();
  await node(page, "rescue").getByText("no failure led here").waitFor();
  // React Flow let no click through to a node: none could be chosen with a mouse.
  await node(page, "gift").click();
  await page.waitForURL(/step=gift/);
  await page.getByRole("complementary", { name: "The chosen step" }).getByText("its condition was false").waitFor();
  await close();
});

test("nobody provides an action: the node and the sentence say which", { skip }, async () => {
  await engine.define({ id: "nobody", steps: [{ id: "limits", action: "checkLimits" }] });
  const { id } = await engine.start("nobody");
  const { page, close } = await openExecution(engine, id);
  await looking(page, "limits", "noWorker").waitFor();
  assert.match(await answer(page).textContent(), /^No worker provides checkLimits\. limits has been waiting for one for \d+ s\.$/);
  worker.provide({ checkLimits: ok });
  await looking(page, "limits", "completed").waitFor();
  await close();
});

test("a fan of 198 is folded, what failed stands beside it, and it can be unfolded", { skip }, async () => {
  const parts = Array.from({ length: 198 }, (_, index) => `part-${index + 1}`);
  await engine.define({
    id: "fan",
    steps: [{ id: "split", action: "ok" }, ...parts.map((part) => ({ id: part, action: part === "part-121" ? "refuse" : "ok", dependsOn: ["split"], onError: "continue" })), { id: "join", action: "ok", dependsOn: parts }],
  });
  const { id } = await engine.start("fan", {}, { wait: "30s" });
  const { page, close } = await openExecution(engine, id);
  await looking(page, "part-121", "failedHandled").waitFor();
  const fold = page.locator(".node-fold");
  assert.match(await fold.getAttribute("title"), /^198 steps, .*: 1 failed, handled; 197 completed\. Click to unfold$/);
  assert.equal(await countOf(page.locator("button.node[data-step]"), 3), 3);
  await page.getByText("199 of 200 steps").waitFor();
  assert.deepEqual(await findings(page), []);
  await fold.click();
  await page.waitForURL(/open=/);
  await page.waitForFunction(() => document.querySelectorAll(".node-fold").length === 0);
  await page.locator(".graph-minimap").waitFor();
  await close();
});

test("200 steps in layers: only what is in sight is drawn, the overview has them all, and keys go along the edges", { skip }, async () => {
  const steps = [];
  for (let layer = 0; layer < 20; layer += 1) {
    for (let lane = 0; lane < 10; lane += 1) {
      const before = layer === 0 ? [] : [...new Set([`s${layer - 1}-${lane}`, `s${layer - 1}-${(lane * 7 + layer) % 10}`])];
      steps.push({ id: `s${layer}-${lane}`, action: "ok", dependsOn: before });
    }
  }
  await engine.define({ id: "net", steps });
  const { id } = await engine.start("net", {}, { wait: "30s" });
  const { page, close } = await openExecution(engine, id, "?step=s3-4");
  await node(page, "s3-4").waitFor();
  assert.equal(await node(page, "s3-4").getAttribute("aria-pressed"), "true");
  assert.ok((await page.locator("button.node").count()) < 200, "not all are drawn");
  assert.equal(await countOf(page.locator(".mini"), 200), 200);
  await page.keyboard.press("ArrowRight");
  await page.waitForURL(/step=s4-/);
  const chosen = new URL(page.url()).searchParams.get("step");
  await node(page, chosen).waitFor();
  const seen = await node(page, chosen).evaluate((element) => {
    const [of, frame] = [element.getBoundingClientRect(), element.closest(".graph").getBoundingClientRect()];
    return of.left >= frame.left && of.right <= frame.right && of.top >= frame.top && of.bottom <= frame.bottom;
  });
  assert.ok(seen, "what was chosen is in sight");
  await close();
});
