// The answers of the fake server, made from one world of executions by seed: the same ones every time.

const HEX = (value, length) => value.toString(16).padStart(length, "0");

function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function idAt(at, salt) {
  return `exec_${HEX(at, 12)}7${HEX(salt % 4096, 3)}8${HEX((salt * 7919) % 4096, 3)}${HEX((salt * 104729) % 2 ** 32, 8)}${HEX((salt * 31337) % 65536, 4)}`;
}

const STEPS = ["validate", "reserve", "charge", "fulfill", "notify"];
const WORKFLOWS = [
  { id: "order-processing", name: "Order processing", version: 7 },
  { id: "onboarding", name: "Customer onboarding", version: 2 },
  { id: "fraud-check", version: 1 },
  { id: "invoice-export", name: "Invoice export", version: 12 },
];
const ERRORS = [
  ["1f0c6f3a9be17d21", "Card <n> declined", "Card 4242 declined", "charge"],
  ["27aa01d9cc83e540", "connect ECONNREFUSED <host>", "connect ECONNREFUSED 10.0.0.7:5432", "reserve"],
  ["90e4bb7a12f05c38", "timed out after <n>s", "timed out after 30s", "fulfill"],
];

/** The executions of a world. */
export function makeWorld({ many = 400, seed = 7, now = Date.now() } = {}) {
  const next = random(seed);
  const executions = [];
  for (let at = 0; at < many; at += 1) executions.push(execution(now - Math.floor(1000 * at ** 1.7) - 2000, at, next(), now));
  return { now, executions, access: "admin", jobs: new Map(), streams: new Set() };
}

function execution(startedAt, salt, dice, now) {
  const workflow = WORKFLOWS[salt % 7 === 0 ? 1 : salt % 5 === 0 ? 2 : salt % 11 === 0 ? 3 : 0];
  const base = {
    id: idAt(startedAt, salt + 1),
    workflowId: workflow.id,
    ...(workflow.name && { workflowName: workflow.name }),
    workflowVersion: salt % 9 === 8 ? Math.max(1, workflow.version - 1) : workflow.version,
    startedAt,
    triggeredBy: salt % 3 === 0 ? { type: "event", source: "Order.placed" } : { type: "manual" },
    reasons: [],
    reasonCount: 0,
    lastSeq: 10,
    stepCounts: { total: 5, completed: 2, failed: 0, skipped: 0, running: 0, waiting: 0 },
  };
  if (salt === 0) return { ...base, status: "running", stepCounts: { ...base.stepCounts, running: 1 }, reasons: [{ kind: "running", stepId: "validate", since: startedAt, action: "validatePayment", attempt: 1 }], reasonCount: 1 };
  if (dice < 0.05) {
    const until = now + 38_000;
    return { ...base, status: "waiting", attention: "retrying", wakeAt: until, error: "Card network timeout", errorStepId: "charge", reasons: [{ kind: "retry", stepId: "charge", since: startedAt, until, attempt: 3, maxAttempts: 5, failedAttempts: 2, error: "Card network timeout" }], reasonCount: 1 };
  }
  if (dice < 0.08) return { ...base, status: "running", attention: "noWorker", reasons: [{ kind: "worker", stepId: "limits", since: startedAt, action: "checkLimits" }], reasonCount: 2 };
  if (dice < 0.2) {
    const until = now + 2 * 86_400_000 + 3 * 3_600_000;
    return { ...base, status: "waiting", wakeAt: until, reasons: [{ kind: "timer", stepId: "wait", since: startedAt, until }], reasonCount: 1 };
  }
  if (dice < 0.22) return { ...base, status: "paused", reasons: [{ kind: "paused", since: now - 300_000, by: "anna" }], reasonCount: 1 };
  if (dice < 0.34) {
    const [fingerprint, , message, step] = ERRORS[Math.floor(dice * 1000) % 3];
    return { ...base, status: "failed", completedAt: startedAt + 31_000, error: message, errorFingerprint: fingerprint, errorStepId: step, stepCounts: { ...base.stepCounts, failed: 1 } };
  }
  if (dice < 0.36) return { ...base, status: "cancelled", completedAt: startedAt + 5_000 };
  return { ...base, status: "completed", completedAt: startedAt + Math.floor(200 + dice * 4000), stepCounts: { ...base.stepCounts, completed: salt % 6 === 0 ? 4 : 5, skipped: salt % 6 === 0 ? 1 : 0 } };
}

const STATUSES = ["pending", "running", "waiting", "paused", "completed", "failed", "cancelled"];

function matches(row, parameters, without = []) {
  const all = (name) => (without.includes(name) ? [] : parameters.getAll(name).flatMap((value) => value.split(",")));
  const one = (name) => all(name)[0];
  if (all("workflowId").length > 0 && !all("workflowId").includes(row.workflowId)) return false;
  if (one("version") && Number(one("version")) !== row.workflowVersion) return false;
  if (all("status").length > 0 && !all("status").includes(row.status)) return false;
  if (one("attention") && one("attention") !== row.attention) return false;
  if (one("errorFingerprint") && one("errorFingerprint") !== row.errorFingerprint) return false;
  if (one("triggeredBy") && one("triggeredBy") !== row.triggeredBy.type) return false;
  if (one("startedAfter") && row.startedAt <= Number(one("startedAfter"))) return false;
  if (one("startedBefore") && row.startedAt >= Number(one("startedBefore"))) return false;
  if (one("q") && !row.id.includes(one("q")) && !(row.inputText ?? "").includes(one("q"))) return false;
  return true;
}

function counts(world, parameters) {
  const byStatus = Object.fromEntries(STATUSES.map((status) => [status, 0]));
  const attention = { retrying: 0, noWorker: 0, overdue: 0 };
  for (const row of world.executions) {
    if (!matches(row, parameters, ["status", "attention"])) continue;
    byStatus[row.status] += 1;
    if (row.attention) attention[row.attention] += 1;
  }
  return { byStatus, attention, exact: true, asOf: Date.now(), counts: [] };
}

const problem = (status, code, detail) => ({ status, json: { type: `tag:workflow.do,2026:problem/${code}`, title: code, status, code, detail } });
const ok = (json, status = 200) => ({ status, json });

function definition({ id, name, version }) {
  return {
    id,
    ...(name && { name }),
    version,
    createdAt: Date.now() - 86_400_000 * 9,
    triggers: id === "order-processing" ? [{ event: "Order.placed" }] : id === "onboarding" ? [{ event: "Customer.created", condition: 'plan === "enterprise"' }] : [],
    steps: STEPS.map((step, at) => ({ id: step, action: `${step}Order`, ...(at > 0 && { dependsOn: [STEPS[at - 1]] }), ...(step === "charge" && { maxRetries: version > 6 ? 5 : 3, timeout: "30s" }) })),
  };
}

function stats(world, id) {
  const rows = world.executions.filter((row) => row.workflowId === id);
  const of = (status) => rows.filter((row) => row.status === status).length;
  const next = random(id.length * 97);
  return {
    byStatus: Object.fromEntries(STATUSES.map((status) => [status, of(status)])),
    retrying: rows.filter((row) => row.attention === "retrying").length,
    active: of("running") + of("waiting") + of("paused"),
    started: rows.length,
    completed: of("completed"),
    failed: of("failed"),
    cancelled: of("cancelled"),
    ...(of("completed") + of("failed") > 0 && { failureRate: of("failed") / (of("completed") + of("failed")) }),
    p50Ms: 1200,
    p95Ms: 9000,
    samples: of("completed"),
    buckets: Array.from({ length: 24 }, (_, at) => ({ at: world.now - (24 - at) * 3_600_000, started: Math.floor(next() * 40), failed: Math.floor(next() * 4) })),
    bucketMs: 3_600_000,
  };
}

function errorKind(world, [fingerprint, template, message, step], at) {
  const rows = world.executions.filter((row) => row.errorFingerprint === fingerprint);
  const next = random(at + 3);
  return {
    fingerprint,
    template,
    sample: { message, executionId: rows[0]?.id ?? idAt(world.now, 1), stack: `Error: ${message}\n    at charge (file:///srv/orders/charge.js:41:11)\n    at async run (file:///srv/orders/worker.js:12:5)` },
    steps: [{ workflowId: "order-processing", stepId: step, count: rows.length * 3 }],
    workflows: ["order-processing", "fraud-check"].slice(0, at + 1),
    versions: [{ workflowId: "order-processing", version: 7, count: rows.length }],
    failedNow: rows.length,
    retryingNow: at === 0 ? 4 : 0,
    total: rows.length * 4,
    firstSeen: world.now - 7_200_000 * (at + 1),
    lastSeen: world.now - 4000 * 10 ** (at * 2),
    buckets: Array.from({ length: 28 }, (_, bucket) => ({ at: world.now - (28 - bucket) * 21_600_000, count: Math.floor(next() * (bucket > 14 + at ? 30 : 3)) })),
    bucketMs: 21_600_000,
  };
}

const send = (response, event, data, id) => response.write(`${event ? `event: ${event}\n` : ""}${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(data)}\n\n`);

const ALLOWED = {
  retry: ["failed"],
  replay: ["completed", "failed", "cancelled"],
  pause: ["pending", "running", "waiting"],
  resume: ["paused"],
  cancel: ["pending", "running", "waiting", "paused"],
};

function job(world, body, headers) {
  if (world.access === "read") return problem(403, "forbidden", "retry needs the role operator");
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(body.filter ?? {})) for (const one of [value].flat()) parameters.append(name, one);
  const rows = world.executions.filter((row) => (body.ids ? body.ids.includes(row.id) : matches(row, parameters)) && ALLOWED[body.action].includes(row.status));
  if (body.dryRun) return ok({ matched: rows.length, sample: rows.slice(0, 5) });
  const id = `job_${headers["idempotency-key"] ?? "1"}`.slice(0, 24);
  const made = { id, action: body.action, createdAt: Date.now(), by: "anna", asOf: body.asOf, filter: body.filter, status: body.canary ? "waiting" : "completed", matched: rows.length, done: body.canary ? 1 : Math.max(0, rows.length - 3), failed: 0, skipped: body.canary ? 0 : Math.min(3, rows.length), rate: 42 };
  const items = rows.map((row, at) => ({ executionId: row.id, outcome: at < 3 && !body.canary ? "skipped" : "done", ...(at < 3 && !body.canary && { code: "invalid_state", detail: `cannot ${body.action} execution ${row.id}: it is running` }), at: Date.now() }));
  if (body.canary) made.canary = items[0];
  else made.finishedAt = Date.now();
  world.jobs.set(id, { job: made, items: body.canary ? items.slice(0, 1) : items });
  return ok(made, 201);
}

const system = (world) => ({
  version: "0.1.0",
  startedAt: world.now - 93_600_000,
  serverTime: Date.now(),
  uptimeMs: 93_600_000,
  ready: true,
  store: { bytes: 842_137_600, logBytes: 4_194_304, diskFreeBytes: 64_424_509_440, schema: 6, executions: 1_204_331 },
  queue: { ready: 9, running: 212, queued: 3, resident: 1840, residentBytes: 9_437_184, oldestMs: 541_000 },
  rates: { starts: 41.2, ends: 39.8, steps: 208.5, commits: 96 },
  commitP99Ms: 8.4,
  series: {
    everyMs: 10_000,
    from: world.now - 600_000,
    starts: Array.from({ length: 60 }, (_, at) => 30 + 20 * Math.sin(at / 7)),
    steps: Array.from({ length: 60 }, (_, at) => 150 + 90 * Math.sin(at / 6)),
    commitP99Ms: Array.from({ length: 60 }, (_, at) => 5 + 3 * Math.abs(Math.sin(at / 4))),
    running: Array.from({ length: 60 }, (_, at) => 180 + 40 * Math.sin(at / 9)),
  },
  limits: { payloadBytesMax: 1_048_576, stepsMax: 1000, historyEntriesMax: 50_000 },
  features: ["runNow", "jobs", "errors"],
  access: world.access,
});

const nodes = (world) => world.nodes ?? [{ id: "engine-0a1b2c3d4e5f", name: "process 7 on shop", joinedAt: world.now - 93_600_000, slots: 4096, status: "live", self: true }];

const workers = () => [
  { id: "in-process", name: "this process", kind: "inProcess", actions: ["validateOrder", "notifyOrder"], running: 3, slots: 64 },
  { id: "ses_1", name: "orders-7f9c", kind: "worker", actions: ["chargeOrder", "reserveOrder", "fulfillOrder"], running: 8, slots: 8, connectedAt: Date.now() - 7_200_000, lastSeen: Date.now() - 1000 },
  { id: "ses_2", name: "orders-5d1a", kind: "worker", actions: ["chargeOrder"], running: 1, slots: 8, connectedAt: Date.now() - 7_200_000, lastSeen: Date.now() - 190_000, away: true },
  { id: "shop", name: "shop", kind: "endpoint", actions: ["sendParcel"], running: 0, slots: 64, unreachable: "connect ECONNREFUSED 127.0.0.1:4800" },
];

const actions = () => [
  { action: "checkLimits", providers: [], slots: 0, usedBy: [{ workflowId: "fraud-check", version: 1, stepIds: ["limits"] }], waiting: 9, waitingExact: true, oldestSince: Date.now() - 541_000 },
  { action: "chargeOrder", providers: ["ses_1"], slots: 8, usedBy: [{ workflowId: "order-processing", version: 7, stepIds: ["charge"] }], waiting: 31, waitingExact: true, oldestSince: Date.now() - 4000 },
  { action: "validateOrder", providers: ["in-process"], slots: 64, usedBy: [{ workflowId: "order-processing", version: 7, stepIds: ["validate"] }], waiting: 0, waitingExact: true },
];

export function answers(world = makeWorld()) {
  return { world, answer: (method, url, body, headers) => answer(world, method, url, body, headers), stream: (url, request, response) => stream(world, url, request, response) };
}

function stream(world, url, request, response) {
  if (!url.pathname.endsWith("/stream")) return false;
  response.writeHead(200, { "content-type": "text/event-stream" });
  const ofOne = url.pathname.startsWith("/api/v1/executions/exec_");
  send(response, "hello", { serverTime: Date.now(), version: "0.1.0", ...(ofOne && { after: Number(request.headers["last-event-id"] ?? 0), lastSeq: 10 }) });
  if (url.pathname === "/api/v1/system/stream") send(response, "system", system(world));
  const one = { response, parameters: url.searchParams, path: url.pathname };
  world.streams.add(one);
  request.on("close", () => world.streams.delete(one));
  return true;
}

/** Changes or adds an execution, and tells those who listen. */
export function change(world, row) {
  const at = world.executions.findIndex((one) => one.id === row.id);
  if (at < 0) world.executions.unshift(row);
  else world.executions[at] = row;
  for (const { response, parameters, path } of world.streams) {
    if (path !== "/api/v1/executions/stream") continue;
    if (matches(row, parameters)) send(response, "upsert", row, String(Date.now()));
    else send(response, "remove", { id: row.id }, String(Date.now()));
    world.counted ??= new WeakMap();
    // As the server does: at most once a second.
    if (Date.now() - (world.counted.get(response) ?? 0) < 1000) continue;
    world.counted.set(response, Date.now());
    send(response, "counts", counts(world, parameters));
  }
}

const FILTERS = ["workflowId", "version", "status", "attention", "errorFingerprint", "startedAfter", "startedBefore"];
/** What each route takes. The server refuses anything else, so that this one does too: a parameter too many was once found late. */
const PARAMETERS = [
  [/^GET \/executions$/, [...FILTERS, "triggeredBy", "q", "limit", "cursor", "fields", "include"]],
  [/^GET \/executions\/counts$/, FILTERS],
  [/^GET \/executions\/stream$/, [...FILTERS, "triggeredBy"]],
  [/^GET \/executions\/[^/]+$/, ["wait", "at", "maxValueBytes", "history", "include"]],
  [/^GET \/executions\/[^/]+\/history$/, ["after", "before", "order", "limit", "types", "stepId", "q", "payloads"]],
  [/^GET \/executions\/[^/]+\/stream$/, ["after", "payloads"]],
  [/^GET \/workflows$/, ["include", "window"]],
  [/^GET \/workflows\/[^/]+$/, ["version"]],
  [/^GET \/workflows\/[^/]+\/stats$/, ["version", "window"]],
  [/^GET \/errors(\/[^/]+)?$/, ["workflowId", "version", "window"]],
  [/^GET \/jobs$/, ["limit", "cursor"]],
  [/^GET \/jobs\/[^/]+\/items$/, ["outcome", "limit", "cursor"]],
  [/^POST \/events$/, ["dryRun"]],
];

function unknownParameter(method, path, parameters) {
  const allowed = PARAMETERS.find(([route]) => route.test(`${method} ${path}`))?.[1] ?? [];
  return [...parameters.keys()].find((name) => !allowed.includes(name));
}

function answer(world, method, url, body, headers) {
  if (world.token && headers.authorization !== `Bearer ${world.token}`) return problem(401, "unauthorized", "send a token");
  if (world.broken?.test(url.pathname)) return problem(500, "internal", "");
  const path = url.pathname.replace("/api/v1", "");
  const parameters = url.searchParams;
  const unknown = unknownParameter(method, path, parameters);
  if (unknown !== undefined) return problem(400, "invalid_query", `\`${unknown}\` is no parameter of this route`);
  const known = fixed(world, method, path, parameters, body, headers);
  if (known) return known;
  const parts = path.split("/").slice(1).map(decodeURIComponent);
  if (parts[0] === "workflows") return workflowAnswer(world, method, parts, parameters, body);
  if (parts[0] === "executions") {
    const row = world.executions.find((one) => one.id === parts[1]);
    if (row && parts[2] === "history") return ok({ entries: [{ seq: 1, timestamp: row.startedAt, type: "start", data: { workflowVersion: row.workflowVersion } }], total: 1 });
    return row ? ok({ ...row, input: { orderId: "ord_123", total: 42 }, stepResults: {}, completedSteps: [], currentStepIndex: 0, history: [] }) : problem(404, "execution_not_found", "there is no execution with this id");
  }
  if (parts[0] === "errors") {
    const at = ERRORS.findIndex(([fingerprint]) => fingerprint === parts[1]);
    if (at < 0) return problem(404, "error_not_found", "");
    const kind = errorKind(world, ERRORS[at], at);
    return ok({ ...kind, examples: ["4242", "4000", "5555"].map((card, index) => ({ message: kind.template.replace("<n>", card), executionId: kind.sample.executionId, at: world.now - index * 60_000 })) });
  }
  if (parts[0] === "jobs") {
    const found = world.jobs.get(parts[1]);
    if (!found) return problem(404, "job_not_found", "");
    if (parts[2] === "items") return ok({ items: found.items.filter((item) => !parameters.get("outcome") || item.outcome === parameters.get("outcome")).slice(0, 100) });
    if (parts[2] === "stop") found.job = { ...found.job, status: "stopped", finishedAt: Date.now() };
    if (parts[2] === "continue") found.job = { ...found.job, status: "completed", done: found.job.matched, finishedAt: Date.now() };
    return ok(found.job);
  }
  return problem(404, "not_found", "");
}

function fixed(world, method, path, parameters, body, headers) {
  switch (`${method} ${path}`) {
    case "GET /executions": {
      const cursor = parameters.get("cursor");
      const limit = world.slow ? 10 : Number(parameters.get("limit") ?? 50);
      const rows = world.executions.filter((row) => (!cursor || row.id < cursor) && matches(row, parameters)).slice(0, limit + 1);
      const more = rows.length > limit;
      const page = rows.slice(0, limit);
      return ok({ executions: page, complete: !(more && world.slow), ...(more && { nextCursor: page.at(-1).id }), ...(more && world.slow && { searchedTo: page.at(-1).startedAt }) });
    }
    case "GET /executions/counts":
      return ok(counts(world, parameters));
    case "GET /workflows":
      return ok({ workflows: WORKFLOWS.map((workflow) => ({ ...definition(workflow), ...(parameters.get("include") && { stats: stats(world, workflow.id) }) })) });
    case "GET /errors": {
      const errors = ERRORS.map((error, at) => errorKind(world, error, at)).filter((kind) => kind.failedNow + kind.retryingNow > 0);
      return ok({ errors, failedNow: errors.reduce((sum, one) => sum + one.failedNow, 0), retryingNow: 4, asOf: Date.now() });
    }
    case "GET /jobs":
      return ok({ jobs: [...world.jobs.values()].map(({ job: one }) => one).reverse() });
    case "POST /jobs":
      return job(world, body, headers);
    case "POST /events":
      return eventAnswer(world, parameters, body);
    case "GET /workers":
      return ok({ workers: workers() });
    case "GET /actions":
      return ok({ actions: actions() });
    case "GET /nodes":
      return ok({ nodes: nodes(world) });
    case "GET /system":
      return ok(system(world));
    default:
      return null;
  }
}

function eventAnswer(world, parameters, body) {
  if (parameters.get("dryRun")) {
    if (body.event === "Order.placed") return ok({ matches: [{ workflowId: "order-processing", version: 7, pattern: "Order.*", wouldStart: true, why: "the pattern matches" }] });
    if (body.event === "Customer.created") {
      const plan = body.data?.plan;
      const wouldStart = plan === "enterprise";
      return ok({ matches: [{ workflowId: "onboarding", version: 2, pattern: "Customer.created", condition: { expression: 'plan === "enterprise"', values: { plan: plan ?? null }, result: wouldStart }, wouldStart, why: wouldStart ? "the condition is true" : "the condition is false" }] });
    }
    return ok({ matches: [], suggestion: "Order.placed" });
  }
  const row = world.executions.find((one) => one.workflowId === "order-processing");
  return ok({ executions: body.event === "Order.placed" ? [row] : [], refused: [] });
}

function workflowAnswer(world, method, parts, parameters, body) {
  const workflow = WORKFLOWS.find((one) => one.id === parts[1]);
  if (!workflow) return problem(404, "workflow_not_found", `there is no workflow ${parts[1]}`);
  if (parts[2] === undefined) return ok(definition({ ...workflow, version: Number(parameters.get("version") ?? workflow.version) }));
  if (parts[2] === "versions") {
    return ok({ versions: Array.from({ length: workflow.version }, (_, at) => ({ version: workflow.version - at, createdAt: world.now - at * 86_400_000 * 3, hash: HEX(at * 7919, 8), steps: 5, active: at < 2 ? 212 - at * 200 : 0, executions: 400 + at * 31 })) });
  }
  if (parts[2] === "stats") {
    return ok({ ...stats(world, workflow.id), workflowId: workflow.id, window: "24h", from: world.now - 86_400_000, to: world.now, steps: STEPS.map((stepId, at) => ({ stepId, runs: 400 - at * 20, completed: 390 - at * 22, failed: at === 2 ? 18 : 0, retried: at === 2 ? 41 : 0, skipped: at === 4 ? 12 : 0, p50Ms: 120 * (at + 1), p95Ms: 900 * (at + 1), queueP95Ms: 4, samples: at === 4 ? 12 : 400 })) });
  }
  if (parts[2] === "executions" && method === "POST") {
    const now = Date.now();
    const row = { ...execution(now, 0, 0.9, now), id: idAt(now, 77), workflowId: workflow.id, input: body?.input };
    change(world, row);
    return ok(row, 201);
  }
  return problem(404, "not_found", "");
}
