// The screen of one execution as the tests see it.
import { open } from "./support.mjs";

/** A change at the server is on the screen within this time. */
export const LIVE_MS = 1_000;

/** What the graph, or on a phone the list, shows of a step. */
export const node = (page, step) => page.locator(`button.node[data-step="${step}"]`);

export const looking = (page, step, look) => page.locator(`button.node[data-step="${step}"][data-look="${look}"]`);

export const answer = (page) => page.locator(".answer-lead");

/** Opens an execution, and waits until its whole history has been read. */
export async function openExecution(engine, id, query = "", options = {}) {
  const opened = await open(engine.address(id, query), options);
  await whole(opened.page);
  return opened;
}

export async function whole(page) {
  await page.locator(".slider-place", { hasText: / of / }).waitFor();
}

export const live = (page) => page.waitForFunction(() => document.querySelector(".live")?.dataset.state === "live");

/** Names of the steps by what they look like: `{ completed: ["a"], skipped: ["b"] }`. */
export async function looks(page) {
  await page.locator("button.node[data-step]").first().waitFor();
  const all = await page.locator("button.node[data-step]").evaluateAll((nodes) => nodes.map((one) => [one.dataset.look, one.dataset.step]));
  const byLook = {};
  for (const [look, step] of all) (byLook[look] ??= []).push(step);
  for (const steps of Object.values(byLook)) steps.sort();
  return byLook;
}

/** A failure as an action throws it. */
export const failure = (message, more = {}) => Object.assign(new Error(message), more);
