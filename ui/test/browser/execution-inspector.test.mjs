// Beside the graph: attempts with error and stack, output, condition receipts; below it the state. With a real server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { skip, startEngine, startWorker } from "./engine.mjs";
import { failure, openExecution, whole } from "./screen.mjs";
import { closeBrowser, countOf, findings, open } from "./support.mjs";

let engine;
let worker;
let order;

before(async () => {
  if (skip) return;
  engine = await startEngine();
  let tries = 0;
  worker = await startWorker(engine, {
    score: async () => ({ risk: 0.7, "odd name": [1, { deep: "value" }] }),
    charge: async () => {
      tries += 1;
      if (tries < 3) throw failure(`Network lost, try ${tries}`, { code: "network", cause: failure("ETIMEDOUT") });
      return { charged: true };
    },
    big: async () => ({ rows: Array.from({ length: 4_000 }, (_, index) => ({ index, name: `row ${index}` })), first: "of the big one" }),
    ok: async () => null,
  });
  await engine.define({
    id: "order",
    steps: [
      { id: "score", action: "score" },
      { id: "review", action: "ok", dependsOn: ["score"], condition: "score.risk < 0.5 && input.limit > 3" },
      { id: "charge", action: "charge", dependsOn: ["score"], maxRetries: 4, retryDelay: "1ms", timeout: "30s", params: { risk: "{{score.risk}}" } },
      { id: "big", action: "big", dependsOn: ["charge"] },
    ],
  });
  order = (await engine.start("order", { limit: 5, orderId: "ord_123" }, { wait: "20s" })).id;
});

after(async () => {
  await closeBrowser();
  worker?.close();
  await engine?.close();
});

const inspector = (page) => page.getByRole("complementary", { name: "The chosen step" });

test("each attempt has its own error with its stack, and the last one its output", { skip }, async () => {
  const { page, close } = await openExecution(engine, order, "?step=charge");
  const panel = inspector(page);
  await panel.getByText('"charged"').waitFor();
  await panel.getByRole("tab", { name: /^Attempt 1/ }).click();
  await page.waitForURL(/attempt=1/);
  await panel.locator(".failure-message", { hasText: "Network lost, try 1" }).waitFor();
  await panel.getByText("caused by ETIMEDOUT").waitFor();
  await panel.locator("pre.stack", { hasText: "Error: Network lost, try 1\n    at failure" }).waitFor();
  await panel.getByRole("tab", { name: /^2/ }).click();
  await panel.locator(".failure-message", { hasText: "Network lost, try 2" }).waitFor();
  await panel.getByText("Input and state it was given").click();
  const given = panel.getByRole("group", { name: "state given to attempt 2" });
  await given.getByText('"score"').waitFor();
  assert.equal(await given.getByText('"charge"').count(), 0);
  await panel.getByText("Params, as defined").click();
  await panel.getByText('"{{score.risk}}"').waitFor();
  await panel.getByText("retries 4, timeout 30s").waitFor();
  assert.deepEqual(await findings(page), []);
  await close();
});

test("a condition shows its expression, the values that it read, and what came of it", { skip }, async () => {
  const { page, close } = await openExecution(engine, order, "?step=review");
  const panel = inspector(page);
  await panel.getByText(/^Skipped at/).waitFor();
  await panel.getByText("score.risk < 0.5 && input.limit > 3").waitFor();
  const lines = await panel.locator(".receipt tr").evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
  // The right side of && was not read.
  assert.deepEqual(lines, [["score.risk", "0.7"], ["result", "false"]]);
  await close();
});

test("JSON is copied as a value and as a path, and shown as it is", { skip }, async () => {
  const { page, close } = await openExecution(engine, order, "?step=score", { permissions: ["clipboard-read", "clipboard-write"] });
  const output = inspector(page).getByRole("group", { name: "output of score" });
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await output.getByRole("button", { name: "Copy output of score" }).click();
  await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "Copied");
  assert.deepEqual(JSON.parse(await clipboard()), { risk: 0.7, "odd name": [1, { deep: "value" }] });
  await output.getByRole("button", { name: /^Unfold/ }).first().click({ timeout: 2000 }).catch(() => undefined);
  const line = output.locator(".json-line", { hasText: '"odd name"' });
  await line.hover();
  await line.getByRole("button", { name: /^Copy path/ }).click();
  await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "Copied");
  assert.equal(await clipboard(), 'steps.score.output["odd name"]');
  await output.getByRole("button", { name: "Raw" }).click();
  assert.equal(await output.locator(".json-raw").textContent(), JSON.stringify({ risk: 0.7, "odd name": [1, { deep: "value" }] }, null, 2));
  await close();
});

// "Show it" put the whole entry of the history where the value belonged.
test("a value that was too large to come along is shown when it is asked for: it, and not the entry that holds it", { skip }, async () => {
  const { page, close } = await openExecution(engine, order, "?tab=state");
  const state = page.getByRole("group", { name: "state", exact: true });
  await state.getByText(/KiB of JSON/).waitFor();
  await state.getByRole("button", { name: "Show it" }).click();
  await state.getByText('"of the big one"').or(state.getByRole("button", { name: "Unfold big" })).first().waitFor();
  assert.equal(await state.getByText("timestamp").count(), 0);
  await page.getByRole("group", { name: "input", exact: true }).getByText('"ord_123"').waitFor();
  await close();
});

test("the state is what it was after the entry that is looked at", { skip }, async () => {
  const { page, close } = await openExecution(engine, order, "?tab=state&seq=3");
  await page.getByText("after entry 3, score").waitFor();
  const state = page.getByRole("group", { name: "state", exact: true });
  await state.getByText('"score"').waitFor();
  assert.equal(await state.getByText('"charge"').count(), 0);
  assert.equal(await countOf(state.locator(".json-marked", { hasText: '"score"' }), 1), 1, "what the entry added is marked");
  await close();
});

test("what the definition calls sensitive is said to be hidden, and a replay that changes nothing sends no input", { skip }, async () => {
  const opened = await open(`${engine.url}/favicon.svg`);
  const { page } = opened;
  // As a server answers whose definition calls it sensitive.
  await page.route(new RegExp(`/executions/${order}\\?.*at=`), async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), input: "[sensitive]", state: { score: { risk: "[sensitive]" } } } });
  });
  await page.route(new RegExp(`/executions/${order}/history/1$`), async (route) => {
    const response = await route.fetch();
    const entry = await response.json();
    await route.fulfill({ response, json: { ...entry, data: { ...entry.data, input: "[sensitive]" } } });
  });
  await page.goto(engine.address(order, "?tab=state"));
  await whole(page);
  await page.getByRole("group", { name: "input", exact: true }).getByText("hidden: the definition calls it sensitive").waitFor();
  await page.keyboard.press("Shift+R");
  const dialog = page.getByRole("dialog", { name: /Start a new execution/ });
  await dialog.getByText("The input is hidden").waitFor();
  const editor = dialog.getByLabel("Input", { exact: true });
  await editor.fill('{"orderId": "[sensitive]"}');
  await dialog.getByText('"[sensitive]" stands for a value that is not shown').waitFor();
  assert.ok(await dialog.getByRole("button", { name: "Start replay" }).isDisabled());
  await editor.fill('"[sensitive]"');
  const sent = page.waitForRequest(/\/replay$/);
  await dialog.getByRole("button", { name: "Start replay" }).click();
  assert.equal((await sent).postData(), "{}");
  await page.waitForFunction((before) => !location.pathname.endsWith(before), order);
  const replayed = await engine.api("GET", `/executions/${page.url().split("/").at(-1).split("?")[0]}`);
  assert.deepEqual(replayed.input, { limit: 5, orderId: "ord_123" });
  await opened.close();
});
