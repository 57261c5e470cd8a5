// What the shop's actions do: as the real ones would, they look at what they are given. A card, an article or an address
// decides how it goes; `mood` is what is wrong with the world at the moment, and tests change it.

class Failure extends Error {
  constructor(message, { code, retryable = true } = {}) {
    super(message);
    this.code = code;
    this.retryable = retryable;
    // As from a service: its own files, not those of this test.
    this.stack = `${code ?? "Error"}: ${message}\n    at post (/srv/shop/gateway/client.js:88:13)\n    at async chargeCard (/srv/shop/actions/payment.js:41:20)\n    at async run (/srv/shop/worker.js:17:5)`;
  }
}

/** Work takes time: a few milliseconds, the same for the same text; at `pace` 0.1 a tenth of it. */
const working = (pace) => (text, longest = 60) => {
  let hash = 7;
  for (const sign of String(text)) hash = (Math.imul(hash, 31) + sign.charCodeAt(0)) >>> 0;
  return new Promise((done) => setTimeout(done, pace * (4 + ((hash % 1000) / 1000) ** 3 * longest)));
};

const until = (signal) => new Promise((_, failed) => signal.addEventListener("abort", () => failed(new Error("stopped")), { once: true }));

export function makeMood() {
  return {
    /** The bank takes no card of these. */
    declined: new Set(["tok_declined", "tok_expired"]),
    /** The card network answers. */
    network: true,
    carriers: true,
    mailbox: true,
    bank: true,
    /** Imports go on until they are let go. */
    importing: true,
  };
}

export function actions(mood, pace = 1) {
  const work = working(pace);
  return {
    validatePayment: async ({ orderId, total }) => {
      await work(orderId, 120);
      if (!(total > 0)) throw new Failure(`order total has to be positive, found ${total}`, { code: "invalid_order", retryable: false });
      return { total, ok: true };
    },
    reserveInventory: async ({ orderId, items = [] }) => {
      await work(`r${orderId}`, 240);
      const missing = items.find((item) => item.sku === "sku-lamp-07");
      if (missing) throw new Failure(`no stock of ${missing.sku} in warehouse 3`, { code: "out_of_stock", retryable: false });
      return { reservationId: `res_${orderId}`, warehouse: 3 };
    },
    chargeCard: async ({ orderId, amount, card }) => {
      await work(`c${orderId}`, 700);
      if (mood.declined.has(card)) {
        throw new Failure(card === "tok_expired" ? `Card ${1000 + (amount % 9000)} declined: expired` : `Card ${1000 + (amount % 9000)} declined: insufficient funds`, { code: "card_declined", retryable: false });
      }
      if (card === "tok_slow_network" && !mood.network) throw new Failure("Card network timeout after 10 s", { code: "network" });
      return { chargeId: `ch_${orderId}`, amount };
    },
    refundCard: async ({ orderId }) => ({ refundId: `re_${orderId}` }),
    wrapGift: async ({ orderId }) => (await work(`g${orderId}`, 90), { wrapped: true }),
    fulfillOrder: async ({ orderId, country }) => {
      await work(`f${orderId}`, 400);
      if (country === "AQ") throw new Failure("no carrier delivers to AQ", { code: "no_carrier", retryable: false });
      return { trackingNumber: `1Z${orderId.slice(-5)}` };
    },
    sendConfirmation: async ({ orderId, email }) => {
      await work(`n${orderId}`, 80);
      return { mail: email ?? null };
    },
    createAccount: async ({ customerId }) => (await work(customerId, 90), { accountId: `acc_${customerId}` }),
    sendMail: async ({ to, template }) => {
      await work(`${to}${template}`, 120);
      if (!mood.mailbox) throw new Failure("connect ECONNREFUSED 10.4.0.25:587", { code: "ECONNREFUSED" });
      return { queued: true };
    },
    readUsage: async ({ customerId }) => ({ projects: customerId.endsWith("3") ? 0 : 4 }),
    collectSignals: async ({ paymentId }) => (await work(paymentId, 150), { device: "known", velocity: 3 }),
    scorePayment: async ({ paymentId }) => (await work(`s${paymentId}`, 300), { score: 0.42 }),
    decideRisk: async () => ({ risk: "low" }),
    blockCard: async () => ({}),
    releasePayment: async () => ({}),
    listInvoices: async () => ({ invoices: 1412 }),
    renderInvoices: async ({ region }) => (await work(region, 500), { pages: 180 }),
    uploadArchive: async () => {
      await work("upload", 200);
      if (!mood.bank) throw new Failure("upload refused: 503 Service Unavailable from 192.0.2.14", { code: "unavailable" });
      return { receipt: "BNK-77120" };
    },
    downloadFeed: async () => (await work("feed", 200), { rows: 48_210 }),
    importRows: async (params, { signal }) => (mood.importing ? until(signal) : { imported: 48_210 }),
    reindexSearch: async () => ({}),
  };
}
