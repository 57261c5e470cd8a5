// The workflows of a shop, in the versions that they had: what tests and pictures of the page are made with.

const orderSteps = ({ retries = 4, gifts = true } = {}) => [
  { id: "validate", name: "Validate payment", action: "validatePayment", timeout: "10s" },
  { id: "reserve", name: "Reserve stock", action: "reserveInventory", dependsOn: ["validate"], maxRetries: 3, retryDelay: "5s" },
  {
    id: "charge",
    name: "Charge card",
    action: "chargeCard",
    dependsOn: ["reserve"],
    params: { amount: "$.input.total", currency: "$.input.currency", card: "$.input.card", orderId: "$.input.orderId" },
    timeout: "30s",
    ...(retries > 0 && { maxRetries: retries, retryDelay: "1m", backoff: "exponential", maxRetryDelay: "10m" }),
  },
  ...(gifts ? [{ id: "gift-wrap", name: "Wrap as a gift", action: "wrapGift", dependsOn: ["charge"], condition: "input.gift === true" }] : []),
  { id: "fulfill", name: "Ship the parcel", action: "fulfillOrder", dependsOn: gifts ? ["charge", "gift-wrap"] : ["charge"], onError: "branch", errorBranch: "refund" },
  { id: "refund", name: "Refund the card", action: "refundCard" },
  { id: "notify", name: "Tell the customer", action: "sendConfirmation", dependsOn: ["fulfill", "refund"], maxRetries: 2, retryDelay: "10s", onError: "continue" },
];

/** Oldest first. */
export const ORDER_VERSIONS = [
  { id: "order-processing", name: "Order processing", triggers: [{ event: "Order.placed" }], steps: orderSteps({ retries: 0, gifts: false }) },
  { id: "order-processing", name: "Order processing", triggers: [{ event: "Order.placed" }], steps: orderSteps({ retries: 2, gifts: false }) },
  {
    id: "order-processing",
    name: "Order processing",
    description: "From a checked payment to a confirmation, with the card charged exactly once",
    triggers: [{ event: "Order.placed", condition: "total > 0" }],
    steps: orderSteps(),
  },
];

const onboarding = {
  id: "onboarding",
  name: "Customer onboarding",
  triggers: [{ event: "Customer.created", condition: 'plan === "enterprise"' }],
  steps: [
    { id: "account", name: "Create the account", action: "createAccount" },
    { id: "welcome", name: "Send welcome mail", action: "sendMail", dependsOn: ["account"], params: { to: "$.input.email", template: "welcome" } },
    { id: "three-days", name: "Wait three days", action: "noop", dependsOn: ["welcome"], wait: "3d" },
    { id: "usage", name: "Look at usage", action: "readUsage", dependsOn: ["three-days"] },
    { id: "offer-call", name: "Offer a call", action: "sendMail", dependsOn: ["usage"], condition: "usage.projects === 0", params: { to: "$.input.email", template: "call" } },
    { id: "send-tips", name: "Send tips", action: "sendMail", dependsOn: ["usage"], condition: "usage.projects > 0", params: { to: "$.input.email", template: "tips" } },
    { id: "close", name: "Close", action: "noop", dependsOn: ["offer-call", "send-tips"] },
  ],
};

const fraudCheck = {
  id: "fraud-check",
  name: "Fraud check",
  triggers: [{ event: "Payment.flagged" }],
  steps: [
    { id: "collect", name: "Collect signals", action: "collectSignals" },
    { id: "score", name: "Score the payment", action: "scorePayment", dependsOn: ["collect"], maxRetries: 3, retryDelay: "30s" },
    { id: "limits", name: "Check limits", action: "checkLimits", dependsOn: ["collect"] },
    { id: "decide", name: "Decide", action: "decideRisk", dependsOn: ["score", "limits"] },
    { id: "block", name: "Block the card", action: "blockCard", dependsOn: ["decide"], condition: 'decide.risk === "high"' },
    { id: "release", name: "Release the payment", action: "releasePayment", dependsOn: ["decide"], condition: 'decide.risk !== "high"' },
  ],
};

const REGIONS = ["north", "south", "east", "west", "central", "islands", "abroad"];
const invoiceExport = {
  id: "invoice-export",
  name: "Invoice export",
  triggers: [{ event: "Month.closed" }],
  steps: [
    { id: "list", name: "List invoices", action: "listInvoices" },
    ...REGIONS.map((region) => ({ id: `render-${region}`, name: `Render ${region}`, action: "renderInvoices", dependsOn: ["list"], params: { region }, maxRetries: 2, retryDelay: "20s" })),
    { id: "upload", name: "Upload to the bank", action: "uploadArchive", dependsOn: REGIONS.map((region) => `render-${region}`), maxRetries: 5, retryDelay: "2m" },
    { id: "mail", name: "Mail accounting", action: "sendMail", dependsOn: ["upload"], params: { to: "accounting@example.com", template: "invoices" } },
  ],
};

const catalogueImport = {
  id: "catalogue-import",
  name: "Catalogue import",
  steps: [
    { id: "download", name: "Download the feed", action: "downloadFeed" },
    { id: "import", name: "Import rows", action: "importRows", dependsOn: ["download"], timeout: "2h" },
    { id: "reindex", name: "Rebuild the search", action: "reindexSearch", dependsOn: ["import"] },
  ],
};

export const OTHERS = [onboarding, fraudCheck, invoiceExport, catalogueImport];
