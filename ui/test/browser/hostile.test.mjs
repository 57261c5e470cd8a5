// Strings that want to be more than text, in a real server: names, events, conditions, inputs, errors, stacks, keys, tokens,
// addresses. Ids of workflows, steps and actions cannot hold them (S1-04, S1-06, S1-07); everything else can.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { skip, startEngine, startWorker } from "./engine.mjs";
import { closeBrowser, findings, open, overflows, PHONE } from "./support.mjs";

const SCRIPT = '<img src=x onerror=alert(1)><script>alert(2)</script>"\'`${alert(3)}</textarea></title>';
const BIDI = "invoice\u202egnp.exe\u2066x\u200f";
const CONTROL = "bell\u0007 null\u0000 escape\u001b[31m back\u0008";
const LONG = "W".repeat(3000);
const EVIL = `${SCRIPT} ${BIDI} ${CONTROL}`;

let engine;
let worker;
let failed;
let fingerprint;
before(async () => {
  if (skip) return;
  engine = await startEngine();
  worker = await startWorker(engine, {
    explode: async ({ text }) => {
      throw Object.assign(new Error(`${EVIL} ${text}`), { code: SCRIPT, stack: `Error: ${EVIL}\n    at <anonymous>:1:1\n${LONG}`, retryable: false });
    },
    wait: async () => {
      throw new Error(`${BIDI} ${LONG}`);
    },
  });
  await engine.define({
    id: "evil",
    name: `${SCRIPT} ${BIDI}`,
    description: `${EVIL} ${LONG}`,
    triggers: [{ event: "<script>alert(4)</script>.x", condition: 'name === "<img src=x onerror=alert(5)>"' }],
    steps: [{ id: "explode", name: EVIL, action: "explode", params: { text: "$.input.text" } }],
  });
  await engine.define({ id: "evil", name: `${SCRIPT} ${BIDI}`, steps: [{ id: "explode", name: `${EVIL} 2`, action: "explode", params: { text: "$.input.text" }, condition: '"<b>" !== input.text' }] });
  await engine.define({ id: "later", name: LONG, steps: [{ id: "wait", name: LONG, action: "wait", maxRetries: 2, retryDelay: "1h" }] });
  failed = await engine.start("evil", { text: EVIL, [SCRIPT]: BIDI }, { wait: "20s", key: 'key"><script>alert(6)</script>' });
  const { id } = await engine.start("later", { text: LONG });
  await engine.until(id, (execution) => execution.stepResults.wait?.waitingFor?.type === "retry");
  await engine.api("POST", "/jobs", { action: "cancel", ids: [id] });
  const job = await engine.api("POST", "/jobs", { action: "retry", ids: [failed.id] });
  // Its stream ends when it is over; then the one that was retried has ended, or is waited for.
  await (await fetch(`${engine.url}/api/v1/jobs/${job.id}/stream`)).text();
  await engine.api("GET", `/executions/${failed.id}?wait=20s`);
  fingerprint = (await engine.api("GET", "/errors")).errors.find((kind) => kind.workflows.includes("evil")).fingerprint;
});
after(async () => {
  worker?.close();
  await closeBrowser();
  await engine?.close();
});

/** Nothing that came as data has become an element, an attribute or a link, and no character that turns or hides text is in it. */
const harmless = (page) =>
  page.evaluate(() => {
    const found = [];
    for (const element of document.querySelectorAll("img, iframe, object, embed, [onerror], [onload]")) found.push(element.outerHTML.slice(0, 200));
    // The page has one script of its own within the document, in its head.
    const [own] = document.head.querySelectorAll("script:not([src])");
    for (const script of document.scripts) if (script !== own && !script.src.startsWith(location.origin)) found.push(script.outerHTML.slice(0, 200));
    for (const link of document.querySelectorAll("a[href]")) if (new URL(link.href).origin !== location.origin) found.push(link.outerHTML.slice(0, 200));
    // U+2028 and the like, turners of text, and control characters, outside of fields that a person edits.
    const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) if (unseen.test(node.data) && !node.parentElement.closest("textarea")) found.push(`text ${JSON.stringify(node.data.slice(0, 120))}`);
    for (const element of document.querySelectorAll("[title], [aria-label]")) {
      const text = `${element.getAttribute("title") ?? ""}${element.getAttribute("aria-label") ?? ""}`;
      if (unseen.test(text)) found.push(`attribute ${JSON.stringify(text.slice(0, 120))}`);
    }
    if (unseen.test(document.title)) found.push(`title ${JSON.stringify(document.title)}`);
    return found;
  });

const SCREENS = () => [
  ["/executions", ".ex-row"],
  [`/executions?q=${encodeURIComponent(SCRIPT)}`, ".ex-filters"],
  [`/executions?workflow=${encodeURIComponent(SCRIPT)}&error=${encodeURIComponent(SCRIPT)}`, ".ex-filters"],
  ["/workflows", "tbody tr"],
  [`/workflows?q=${encodeURIComponent(EVIL)}`, "main"],
  ["/workflows/evil?compare=1&step=explode", "tbody tr"],
  ["/workflows/evil?version=1&tab=triggers", "tbody tr"],
  ["/workflows/evil/start", "textarea"],
  [`/workflows/evil/start?from=${"FAILED"}`, "textarea"],
  ["/errors", "tbody tr"],
  ["/errors/FINGERPRINT", ".er-message"],
  [`/errors/${encodeURIComponent("../../" + SCRIPT)}`, "main"],
  [`/events?event=${encodeURIComponent("<script>alert(4)</script>.x")}&id=${encodeURIComponent(EVIL)}`, "form"],
  ["/system?tab=actions", "tbody tr"],
  ["/system?tab=jobs", "tbody tr"],
  [`/jobs/${encodeURIComponent(SCRIPT)}`, "main"],
];

for (const size of ["desktop", "phone"]) {
  test(`are text on every screen, ${size}`, { skip }, async () => {
    const { page, close } = await open(`${engine.url}/executions`, { ...(size === "phone" && { size: PHONE }), expected: [/40[04] \((Not Found|Bad Request)\)/] });
    for (const [path, there] of SCREENS()) {
      await page.goto(engine.url + path.replace("FINGERPRINT", fingerprint).replace("FAILED", failed.id));
      await page.locator(there).first().waitFor();
      await page.waitForFunction(() => !document.querySelector(".skeleton"));
      assert.deepEqual(await harmless(page), [], path);
      assert.equal(await overflows(page), false, `${path} scrolls sideways`);
    }
    await close();
  });
}

test("what cannot be seen is made visible, and a confirmation shows it too", { skip }, async () => {
  const { page, close } = await open(`${engine.url}/executions?status=failed`);
  const row = page.locator(".ex-row").first();
  await row.waitFor();
  const text = await row.textContent();
  assert.match(text, /<img src=x onerror=alert\(1\)>/);
  assert.match(text, /\\u202egnp\.exe/);
  await page.keyboard.press("a");
  await page.keyboard.press("r");
  await page.getByRole("dialog").locator(".ex-sample li").first().waitFor();
  assert.deepEqual(await harmless(page), []);
  assert.deepEqual(await findings(page), []);
  await close();
});
