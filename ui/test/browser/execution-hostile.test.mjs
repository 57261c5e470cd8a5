// Strings of strangers, wherever a person could put one: shown as what they are, never run, never hiding anything.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { skip, startEngine, startWorker } from "./engine.mjs";
import { answer, failure, openExecution } from "./screen.mjs";
import { closeBrowser, PHONE } from "./support.mjs";

const SCRIPT = "</script><script>window.hacked=1</script>";
const IMAGE = '<img src=x onerror="window.hacked=1">';
const BIDI = "\u202Egnp.exe\u2066";
const CONTROL = "a\u0000b\u0007c\u200bd\u001b[31m";

let engine;
let worker;
let id;

before(async () => {
  if (skip) return;
  engine = await startEngine();
  worker = await startWorker(engine, {
    ok: async () => ({ [SCRIPT]: IMAGE, bidi: BIDI, control: CONTROL, ["__proto__"]: { polluted: true } }),
    refuse: async () => {
      throw Object.assign(failure(`${SCRIPT}${BIDI}${CONTROL}`, { code: "<b>code</b>", retryable: false }), { stack: `Error: ${IMAGE}\n    at ${SCRIPT}` });
    },
  });
  await engine.define({
    id: "hostile",
    name: `${SCRIPT}${BIDI}`,
    steps: [
      { id: "first", name: IMAGE, action: "ok", params: { text: IMAGE } },
      { id: "second", name: `javascript:alert(1)${BIDI}`, action: "refuse", dependsOn: ["first"], condition: `input.html !== "${"<b>"}"` },
    ],
  });
  id = (await engine.start("hostile", { [SCRIPT]: SCRIPT, html: IMAGE, bidi: BIDI, control: "a\u0007c\u200bd" }, { wait: "10s" })).id;
});

after(async () => {
  await closeBrowser();
  worker?.close();
  await engine?.close();
});

/** Nothing ran, nothing of it became an element, and nothing of it turns or hides text. */
async function harmless(page, where) {
  const found = await page.evaluate(() => {
    const hidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    for (let text = walker.nextNode(); text; text = walker.nextNode()) {
      const parent = text.parentElement;
      if (hidden.test(text.data) && !["TEXTAREA", "SCRIPT"].includes(parent.tagName)) texts.push(`${parent.className}: ${JSON.stringify(text.data)}`);
    }
    return {
      ran: window.hacked,
      polluted: {}.polluted,
      elements: [...document.querySelectorAll("main img, main script, main b, [onerror]")].map((element) => element.outerHTML),
      links: [...document.querySelectorAll("a[href]")].map((link) => link.href).filter((href) => !href.startsWith(location.origin)),
      texts,
      title: hidden.test(document.title),
    };
  });
  assert.deepEqual(found, { ran: undefined, polluted: undefined, elements: [], links: [], texts: [], title: false }, where);
}

test("names, errors, stacks, inputs and outputs are text, and what is hidden in them is made visible", { skip }, async () => {
  const { page, close } = await openExecution(engine, id);
  assert.match(await answer(page).textContent(), /^second failed: <\/script><script>window\.hacked=1<\/script>\\u202egnp\.exe\\u2066a\\u0000b\\u0007c\\u200bd\\u001b\[31m\.$/);
  await page.locator(".identity-name", { hasText: `${SCRIPT}\\u202egnp.exe\\u2066` }).waitFor();
  await harmless(page, "the failed step");
  await page.locator("pre.stack", { hasText: IMAGE }).waitFor();
  await harmless(page, "the stack");
  for (const query of ["?step=first", "?tab=state", "?tab=definition", "?view=timeline", "?seq=3&tab=state", "?hq=%3Cscript%3E&types=step_fail"]) {
    await page.goto(engine.address(id, query));
    await page.locator(".slider-place", { hasText: / of / }).waitFor();
    if (query.includes("state")) await page.getByRole("group", { name: "input", exact: true }).getByText("\\u202egnp.exe").waitFor();
    await harmless(page, query);
  }
  await page.goto(engine.address(id));
  await page.getByRole("button", { name: /^Entry 1 / }).click();
  await page.getByRole("group", { name: "entry 1" }).getByText("\\u202egnp.exe").first().waitFor();
  await harmless(page, "an entry");
  await page.keyboard.press("Shift+R");
  await page.waitForFunction(() => document.querySelector("dialog textarea")?.value.includes("onerror"));
  await harmless(page, "the replay");
  await close();
});

test("on a phone too, and in an address that somebody made", { skip }, async () => {
  const { page, close } = await openExecution(engine, id, `?tab=history&step=${encodeURIComponent(IMAGE)}&hq=${encodeURIComponent(SCRIPT + BIDI)}`, { size: PHONE });
  await page.getByText("No entry matches.").or(page.locator(".history-row").first()).first().waitFor();
  await harmless(page, "a phone");
  await close();
});

test("an id that is none is named, and leads nowhere", { skip }, async () => {
  const { open } = await import("./support.mjs");
  const { page, close } = await open(`${engine.url}/executions/${encodeURIComponent(`exec_${IMAGE}${BIDI}`)}`, { expected: [/status of 40/] });
  await page.getByText("There is no execution with this id.").waitFor();
  await harmless(page, "no execution");
  await close();
});
