// The server is killed and started again on the same port and file: what happened meanwhile is there, without a reload.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gate, skip, startEngine, startWorker } from "./engine.mjs";
import { live, looking, openExecution } from "./screen.mjs";
import { closeBrowser } from "./support.mjs";

let engine;
let worker;

before(async () => {
  if (skip) return;
  engine = await startEngine({ args: ["--worker-grace", "1s"] });
});

after(async () => {
  await closeBrowser();
  worker?.close();
  await engine?.close();
});

test("a running execution is followed through a power cut of the server", { skip }, async () => {
  const door = gate();
  worker = await startWorker(engine, { ok: async () => ({ ok: true }), hold: () => door.passed.then(() => ({ held: true })) });
  await engine.define({ id: "order", steps: [{ id: "check", action: "ok" }, { id: "charge", action: "hold", dependsOn: ["check"] }, { id: "ship", action: "ok", dependsOn: ["charge"] }] });
  const { id } = await engine.start("order");
  await engine.until(id, (now) => now.stepResults.charge?.status === "running");
  const { page, close } = await openExecution(engine, id, "", { expected: [/net::ERR/] });
  await live(page);
  await page.evaluate(() => {
    window.sameDocument = true;
  });
  await engine.kill();
  await page.getByText(/Connection lost/).waitFor();
  // What was there stays: it is old, and the page says since when.
  await looking(page, "charge", "running").waitFor();
  await engine.restart();
  door.open();
  await engine.until(id, (now) => now.status === "completed");
  await looking(page, "ship", "completed").waitFor({ timeout: 12_000 });
  await page.getByText(/^Completed in .* All 3 steps ran\.$/).waitFor();
  await page.getByText(/Connection lost/).waitFor({ state: "detached" });
  const { lastSeq } = await engine.api("GET", `/executions/${id}?history=0`);
  await page.getByText(`${lastSeq} entries`).waitFor();
  assert.equal(await page.evaluate(() => window.sameDocument), true, "it was not reloaded");
  await close();
});
