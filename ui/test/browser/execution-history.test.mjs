// The history of one execution with a real server: filters, entries that are opened, and 10,000 of them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { skip, startEngine, startWorker } from "./engine.mjs";
import { answer, failure, openExecution } from "./screen.mjs";
import { closeBrowser, countOf, findings, open } from "./support.mjs";

let engine;
let worker;

before(async () => {
  if (skip) return;
  engine = await startEngine();
  worker = await startWorker(engine, {
    ok: async (params) => ({ echo: params }),
    always: async () => {
      throw failure("no");
    },
    refuse: async () => {
      throw failure("Card 4242 declined", { code: "card_declined", retryable: false });
    },
  });
});

after(async () => {
  await closeBrowser();
  worker?.close();
  await engine?.close();
});

const rows = (page) => page.locator(".history-row");

test("it is filtered by type, by step and by text, all in the address; an entry opens with its payload", { skip }, async () => {
  await engine.define({ id: "order", steps: [{ id: "check", action: "ok", params: { order: "{{input.order}}" } }, { id: "charge", action: "refuse", dependsOn: ["check"] }] });
  const { id } = await engine.start("order", { order: "ord_123" }, { wait: "10s" });
  const { page, close } = await openExecution(engine, id);
  assert.equal(await countOf(rows(page), 6), 6);
  await page.getByText("6 entries").waitFor();
  await page.getByRole("button", { name: /^All types/ }).click();
  await page.getByRole("menuitemcheckbox", { name: "step_fail" }).click();
  await page.keyboard.press("Escape");
  await page.waitForURL(/types=step_fail/);
  await page.getByText("1 of 6").waitFor();
  assert.match(await rows(page).first().textContent(), /charge attempt 1 failed: Card 4242 declined/);
  await page.reload();
  await page.getByText("1 of 6").waitFor();
  await page.goto(engine.address(id, "?step=check"));
  await page.getByRole("button", { name: "Only check" }).click();
  await page.getByText("2 of 6").waitFor();
  await page.getByRole("button", { name: "Only check" }).click();
  await page.getByLabel("Search the history").fill("declined");
  await page.getByText("2 of 6").waitFor();
  await page.waitForURL(/hq=declined/);
  await page.getByLabel("Search the history").fill("nothing like it");
  await page.getByText("No entry matches.").waitFor();
  await page.getByLabel("Search the history").fill("");
  const asked = page.waitForRequest(/\/history\/1$/);
  await page.getByRole("button", { name: /^Entry 1 / }).click();
  await asked;
  await page.getByRole("group", { name: "entry 1" }).getByText('"ord_123"').waitFor();
  assert.equal(await page.getByRole("button", { name: /^Entry 1 / }).getAttribute("aria-expanded"), "true");
  assert.deepEqual(await findings(page), []);
  await close();
});

test("10,000 entries: the answer and the newest are there before the rest is read, page by page and without payloads", { skip }, async () => {
  const steps = Array.from({ length: 100 }, (_, index) => ({ id: `m${index}`, action: "always", maxRetries: 33, retryDelay: "1ms", onError: "continue" }));
  await engine.define({ id: "many", steps });
  const { id } = await engine.start("many", {}, { wait: "60s" });
  const { lastSeq } = await engine.api("GET", `/executions/${id}?history=0`);
  assert.ok(lastSeq > 10_000, `${lastSeq} entries`);

  const opened = await open(`${engine.url}/favicon.svg`);
  const { page } = opened;
  const asked = [];
  let letIn;
  const held = new Promise((resolve) => {
    letIn = resolve;
  });
  // The second page waits: what stands on the screen meanwhile is not made of the first.
  await page.route(/\/history\?/, async (route) => {
    const query = new URL(route.request().url()).searchParams;
    asked.push(Object.fromEntries(query));
    if (Number(query.get("after")) > 0) await held;
    await route.continue();
  });
  await page.goto(engine.address(id));
  assert.match(await answer(page).textContent(), /^Completed in /);
  await page.getByText("The newest; older ones are being read").waitFor();
  await page.getByRole("button", { name: `Entry ${lastSeq} ` }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Run now" }).count(), 0);
  letIn();
  await page.getByText(`${lastSeq.toLocaleString("en-GB")} entries`).waitFor();
  assert.ok(asked.every(({ limit, payloads }) => Number(limit) <= 1_000 && payloads === "none"), JSON.stringify(asked));
  assert.ok((await rows(page).count()) < 60, "only what is in sight is drawn");
  const list = page.getByRole("list", { name: "History, newest first" });
  await list.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await page.getByRole("button", { name: /^Entry 1 / }).waitFor();
  assert.ok((await rows(page).count()) < 60);
  await page.getByLabel("Search the history").fill("m77 ");
  await page.getByText(/^\d+ of 10,/).waitFor();
  await opened.close();
});
