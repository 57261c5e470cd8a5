// A real server with a shop in it: workflows, a worker that provides their actions, and executions in every state that there is.
import { startEngine, startWorker } from "../browser/engine.mjs";
import { actions, makeMood } from "./actions.mjs";
import { ORDER_VERSIONS, OTHERS } from "./definitions.mjs";

/**
 * Nobody provides `checkLimits`: it is what a worker that was never deployed looks like. Whoever wants durations as in life asks for the
 * `pace` 1; tests wait for nothing.
 */
export async function openShop({ pace = 0.1, ...options } = {}) {
  const engine = await startEngine(options);
  // A script that ends in the middle leaves no server behind.
  process.once("exit", () => {
    try {
      process.kill(engine.pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  });
  const mood = makeMood();
  const worker = await startWorker(engine, actions(mood, pace), { slots: 48, name: "shop-1" });
  for (const definition of [...ORDER_VERSIONS, ...OTHERS]) await engine.define(definition);
  return {
    engine,
    mood,
    worker,
    get url() {
      return engine.url;
    },
    api: engine.api,
    async close() {
      worker.close();
      await engine.close();
    },
  };
}

const CUSTOMERS = ["ada@example.com", "grace@example.com", "linus@example.org", "margaret@example.net", "edsger@example.com", "barbara@example.org"];
const ITEMS = ["sku-chair-11", "sku-desk-02", "sku-shelf-31", "sku-rug-08"];

/** The input of an order: the number decides what is in it. */
export function order(number, more = {}) {
  return {
    orderId: `ord_${10_000 + number}`,
    email: CUSTOMERS[number % CUSTOMERS.length],
    region: ["eu-1", "eu-2", "us-1"][number % 3],
    currency: "EUR",
    total: 1900 + ((number * 7919) % 240_000),
    card: "tok_visa",
    gift: number % 4 === 0,
    country: ["DE", "FR", "SE", "IT"][number % 4],
    items: [{ sku: ITEMS[number % ITEMS.length], quantity: 1 + (number % 3) }],
    ...more,
  };
}

const place = (shop, number, more, options) => shop.engine.start("order-processing", order(number, more), options);

/** Orders that went through, and some that did not: all of them have ended when this returns. */
export async function orders(shop, { from, many }) {
  const batch = [];
  for (let number = from; number < from + many; number += 1) {
    const more =
      number % 31 === 5 ? { card: "tok_declined" } : number % 43 === 7 ? { items: [{ sku: "sku-lamp-07", quantity: 1 }] } : number % 67 === 9 ? { card: "tok_expired" } : number % 59 === 11 ? { country: "AQ" } : number % 97 === 13 ? { total: 0 } : {};
    batch.push(place(shop, number, more, { wait: "20s" }));
    if (batch.length === 24) await Promise.all(batch.splice(0));
  }
  await Promise.all(batch);
}

/**
 * One of each: what runs, waits, is tried again, stands still, has nobody to do it, was stopped. Resolves with their ids. Who
 * holds the server's clock can set it in between: `at("-9m")`.
 */
export async function today(shop, at = async () => {}) {
  const { engine, mood } = shop;
  const ids = {};
  mood.network = false;
  mood.bank = false;
  const begun = async (name, workflow, input, is) => {
    const { id } = await engine.start(workflow, input);
    await engine.until(id, is);
    ids[name] = id;
    return id;
  };
  const has = (step, status) => (execution) => execution.stepResults[step]?.status === status;
  const retries = (step) => (execution) => execution.stepResults[step]?.waitingFor?.type === "retry";
  await at("-70m");
  for (const customer of ["cus_2093", "cus_2101", "cus_2144"]) await begun("waiting", "onboarding", { customerId: customer, email: "ada@example.com", plan: "enterprise" }, has("three-days", "waiting"));
  await at("-9m");
  await begun("exporting", "invoice-export", { month: "2026-10" }, retries("upload"));
  for (const payment of ["pay_88121", "pay_88127"]) await begun("noWorker", "fraud-check", { paymentId: payment, amount: 129_900 }, has("score", "completed"));
  await at("-7m");
  await begun("running", "catalogue-import", { supplier: "northwind", feed: "catalogue-2026-11.csv" }, has("import", "running"));
  await begun("cancelled", "catalogue-import", { supplier: "globex", feed: "catalogue-2026-10.csv" }, has("import", "running"));
  await engine.api("POST", `/executions/${ids.cancelled}/cancel`);
  await at("-5m");
  await begun("paused", "onboarding", { customerId: "cus_2117", email: "grace@example.com", plan: "enterprise" }, has("three-days", "waiting"));
  await engine.api("POST", `/executions/${ids.paused}/pause`);
  await at("-3m");
  ids.failed = (await place(shop, 512, { card: "tok_declined" }, { wait: "20s" })).id;
  ids.branched = (await place(shop, 513, { country: "AQ" }, { wait: "20s" })).id;
  await at("-100s");
  for (const number of [517, 521, 530]) await begun("retrying", "order-processing", order(number, { card: "tok_slow_network", gift: true }), retries("charge"));
  await at("+0");
  ids.completed = (await place(shop, 540, {}, { wait: "20s" })).id;
  return ids;
}
