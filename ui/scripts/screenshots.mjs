// Pictures of every screen for docs/screenshots: of a real server with a shop in it, whose week was played with the clock set
// back (libfaketime; without it everything has just happened), light and dark, desktop and phone.
//
//   npm run screenshots                    all of them
//   npm run screenshots -- executions job  those whose name begins so
//   npm run screenshots -- --keep          and leaves the server running, to look around
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { closeBrowser, DESKTOP, openBrowser, PHONE } from "../test/browser/support.mjs";
import { startWorker } from "../test/browser/engine.mjs";
import { openShop, order, orders, today } from "../test/shop/shop.mjs";

const wanted = process.argv.slice(2).filter((one) => !one.startsWith("--"));
const keep = process.argv.includes("--keep");
const folder = fileURLToPath(new URL("../../docs/screenshots", import.meta.url));
mkdirSync(folder, { recursive: true });

const clock = setClock();
const { shop, ids } = await aWeek();
const { errors } = await shop.api("GET", "/errors");
const kind = errors.find((one) => one.code === "card_declined").fingerprint;
const job = await aJob();
// The rest of the time is the machine's own.
await shop.engine.kill();
clock.stop();
await shop.engine.restart();
await shop.engine.until(ids.running, (execution) => execution.status === "running" && execution.stepResults.import?.status === "running");

const SCREENS = [
  { name: "executions", path: "/executions", there: ".ex-row" },
  { name: "executions-bulk", path: "/executions?status=failed", there: ".ex-row", act: bulk },
  { name: "execution-graph", path: `/executions/${ids.retrying}`, there: "text=Card network timeout" },
  { name: "execution-timeline", path: `/executions/${ids.retrying}?view=timeline`, there: "text=Card network timeout" },
  { name: "execution-history", path: `/executions/${ids.branched}?tab=history`, there: "text=no carrier delivers to AQ" },
  { name: "workflows", path: "/workflows", there: "tbody tr" },
  { name: "workflow", path: "/workflows/order-processing?window=7d", there: ".dg-step" },
  { name: "workflow-compare", path: "/workflows/order-processing?window=7d&compare=2", there: ".wf-changes" },
  { name: "start", path: `/workflows/order-processing/start?from=${ids.completed}`, there: "textarea" },
  { name: "errors", path: "/errors", there: "tbody tr" },
  { name: "error", path: `/errors/${kind}`, there: "tbody tr" },
  { name: "events", path: "/events?event=Customer.created", there: ".ev-match", act: dryRun },
  { name: "job", path: `/jobs/${job}`, there: "tbody tr" },
  { name: "system", path: "/system", there: "tbody tr", before: busy },
  { name: "system-actions", path: "/system?tab=actions", there: "tbody tr" },
];

const small = squeezer();
let bytes = 0;
const pages = [];
for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
  for (const colorScheme of ["light", "dark"]) {
    const phone = size === "phone";
    const context = await (await openBrowser()).newContext({ viewport, colorScheme, hasTouch: phone, isMobile: phone, reducedMotion: "reduce", deviceScaleFactor: 1 });
    const page = await context.newPage();
    page.on("pageerror", (error) => console.error(`${size} ${colorScheme} ${page.url()}: ${error.message}`));
    pages.push({ size, colorScheme, phone, page });
  }
}
for (const { name, path, there, before, act } of SCREENS) {
  if (wanted.length > 0 && !wanted.some((one) => name.startsWith(one))) continue;
  await before?.();
  for (const { size, colorScheme, phone, page } of pages) {
    await page.bringToFront();
    await page.goto(shop.url + path);
    await page.locator(there).first().waitFor();
    await page.waitForFunction(() => ![...document.querySelectorAll(".skeleton")].some((one) => one.checkVisibility()), undefined, { polling: 100 });
    if (act) await act(page, phone);
    // The last moves of the graph's camera have no event.
    await page.waitForTimeout(name.startsWith("execution-") ? 900 : 300);
    const file = join(folder, `${name}-${size}-${colorScheme}.png`);
    await page.screenshot({ path: file });
    small(file);
    bytes += statSync(file).size;
    // A page that is not looked at holds no stream.
    await page.goto("about:blank");
  }
}
await closeBrowser();
console.log(`${folder}: ${(bytes / 1024 / 1024).toFixed(1)} MiB`);
if (keep) console.log(`still running: ${shop.url} (end with Ctrl-C)`);
else {
  await shop.close();
  process.exit(0);
}

/** A week of a shop, up to this moment. */
async function aWeek() {
  await clock.set("-6d");
  const opened = await openShop({ pace: 1 });
  const limits = await startWorker(opened.engine, { checkLimits: async () => ({ within: true }) });
  opened.mood.importing = false;
  let number = 0;
  const some = async (many) => {
    await orders(opened, { from: number, many });
    number += many;
  };
  const wait = { wait: "20s" };
  for (const customer of ["cus_1871", "cus_1882", "cus_1893"]) await opened.engine.start("onboarding", { customerId: customer, email: "linus@example.org", plan: "enterprise" });
  const times = ["-6d", "-5d", "-4d", "-74h", "-2d", "-30h", "-23h", "-20h", "-17h", "-14h", "-11h", "-9h", "-7h", "-5h", "-4h", "-3h", "-2h", "-80m"];
  for (const [at, time] of times.entries()) {
    await clock.set(time);
    await some(18 + ((at * 7) % 31));
    for (let payment = 0; payment < 1 + (at % 3); payment += 1) await opened.engine.start("fraud-check", { paymentId: `pay_${88_000 + at * 5 + payment}`, amount: 49_900 + at * 1000 }, wait);
    if (at % 6 === 1) await opened.engine.start("invoice-export", { month: `2026-${String(4 + at / 3).slice(0, 2).padStart(2, "0")}` }, wait);
    if (at % 3 === 0) await opened.engine.start("catalogue-import", { supplier: ["northwind", "globex", "initech"][at % 3], feed: `catalogue-${at}.csv` }, wait);
  }
  limits.close();
  opened.mood.importing = true;
  const found = await today(opened, clock.set);
  await some(2);
  return { shop: opened, ids: found };
}

/** Twelve are retried; of those some are refused, since a person was faster. */
async function aJob() {
  const { executions } = await shop.api("GET", "/executions?status=failed&fields=summary&limit=60");
  const failed = executions.filter((row) => row.errorCode === "card_declined" && row.startedAt > Date.now() - 86_400_000).slice(0, 12).map((row) => row.id);
  const made = await shop.api("POST", "/jobs", { action: "retry", ids: failed, canary: true });
  await (await fetch(`${shop.url}/api/v1/jobs/${made.id}`)).json();
  shop.mood.declined.delete("tok_declined");
  let now = made;
  while (now.status === "running") now = await shop.api("GET", `/jobs/${made.id}`);
  for (const id of failed.slice(-2)) await shop.api("POST", `/executions/${id}/retry`).catch(() => undefined);
  await shop.api("POST", `/jobs/${made.id}/continue`);
  await (await fetch(`${shop.url}/api/v1/jobs/${made.id}/stream`)).text();
  shop.mood.declined.add("tok_declined");
  // There is something to look at in the list of failed ones afterwards.
  for (const at of [601, 607]) await shop.engine.start("order-processing", order(at, { card: at === 607 ? "tok_expired" : "tok_declined" }), { wait: "20s" });
  return made.id;
}

async function bulk(page, phone) {
  if (phone) return;
  await page.keyboard.press("a");
  await page.keyboard.press("r");
  await page.getByRole("dialog").locator(".ex-sample li").first().waitFor();
}

async function dryRun(page) {
  await page.getByLabel("Data").fill('{\n  "customerId": "cus_2150",\n  "email": "ada@example.com",\n  "plan": "pro"\n}');
  await page.getByText("would not start").waitFor();
}

/** The engine's lines show what it did of late: it is given something to do. */
async function busy() {
  for (let round = 0; round < 8; round += 1) {
    await orders(shop, { from: 2000 + round * 40, many: 8 + ((round * 13) % 29) });
    await new Promise((next) => setTimeout(next, 900));
  }
}

/** The server's clock, from the next start of one on. */
function setClock() {
  const library = ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"].find((path) => existsSync(path));
  if (!library) {
    console.error("libfaketime is not installed (apt-get install faketime): everything in the pictures has just happened");
    return { set: async () => {}, stop: () => {} };
  }
  const place = mkdtempSync(join(tmpdir(), "workflow-clock-"));
  const offset = join(place, "offset");
  const environment = { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: offset, FAKETIME_NO_CACHE: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1", DONT_FAKE_MONOTONIC: "1" };
  Object.assign(process.env, environment);
  return {
    set: async (time) => {
      writeFileSync(`${offset}.new`, time);
      renameSync(`${offset}.new`, offset);
    },
    stop: () => {
      for (const name of Object.keys(environment)) delete process.env[name];
      rmSync(place, { recursive: true, force: true });
    },
  };
}

/** Fewer colours, which text on plain grounds does not miss: a third of the bytes. Without pngquant the files are as they came. */
function squeezer() {
  try {
    execFileSync("pngquant", ["--version"], { stdio: "ignore" });
  } catch {
    console.error("pngquant is not installed (apt-get install pngquant): the files are larger");
    return () => {};
  }
  return (file) => execFileSync("pngquant", ["--force", "--skip-if-larger", "--speed", "1", "--quality", "70-95", "--output", file, file], { stdio: "ignore" });
}
