// A real server for the tests of one execution: `workflow serve`, and in this process a worker whose actions the tests write.
// The binary is WORKFLOW_BIN, or the one that `cargo build -p workflow-cli` leaves.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const binary = process.env.WORKFLOW_BIN ?? fileURLToPath(new URL("../../../target/debug/workflow", import.meta.url));
export const skip = existsSync(binary) ? false : `there is no ${binary}: cargo build -p workflow-cli, or set WORKFLOW_BIN`;

/** A server on a port of its own. `kill` ends it as a power cut would; `restart` brings it back at the same address with the same file. */
export async function startEngine({ memory = false, args = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "workflow-ui-"));
  const db = memory ? ":memory:" : join(folder, "w.db");
  let child;
  let url;
  const serve = async (listen) => {
    child = spawn(binary, ["serve", "--db", db, "--listen", listen, ...args], { stdio: ["ignore", "pipe", "pipe"], cwd: folder });
    let said = "";
    url = await new Promise((ready, failed) => {
      const onData = (data) => {
        said += data;
        const found = /(http:\/\/127\.0\.0\.1:\d+)/.exec(said);
        if (found) ready(found[1]);
      };
      child.stdout.on("data", onData);
      child.stderr.on("data", onData);
      child.once("exit", () => failed(new Error(`workflow serve ended: ${said}`)));
    });
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  const api = async (method, path, body, headers = {}) => {
    const answer = await fetch(`${url}/api/v1${path}`, { method, headers: { "content-type": "application/json", ...headers }, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  await serve("127.0.0.1:0");
  return {
    get url() {
      return url;
    },
    get pid() {
      return child.pid;
    },
    api,
    define: (definition) => api("PUT", `/workflows/${encodeURIComponent(definition.id)}`, definition),
    /** With `wait` the answer comes when it has ended, or after that time. */
    start: (workflow, input = {}, { wait, key } = {}) => api("POST", `/workflows/${encodeURIComponent(workflow)}/executions${wait === undefined ? "" : `?wait=${wait}`}`, { input }, key === undefined ? {} : { "idempotency-key": key }),
    address: (id, query = "") => `${url}/executions/${id}${query}`,
    /** Reads on until the execution is as `is` wants it, by its stream: nothing is slept. */
    async until(id, is) {
      const left = new AbortController();
      const stream = await fetch(`${url}/api/v1/executions/${id}/stream`, { signal: AbortSignal.any([left.signal, AbortSignal.timeout(30_000)]) });
      const reader = stream.body.getReader();
      try {
        for (;;) {
          const now = await api("GET", `/executions/${id}`);
          if (is(now)) return now;
          const { done } = await reader.read();
          if (done) {
            const last = await api("GET", `/executions/${id}`);
            assert.ok(is(last), `execution ${id} ended otherwise: ${JSON.stringify(last).slice(0, 400)}`);
            return last;
          }
        }
      } finally {
        left.abort();
      }
    },
    kill,
    async restart() {
      const listen = new URL(url).host;
      await kill();
      await serve(listen);
    },
    async close() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Runs actions in this process, by the worker protocol: `{ charge: async (params, context) => output }`. What an action throws is
 * its failure, with its stack; `retryable: false` on it ends the retries. It connects again when the server is gone.
 */
export async function startWorker(engine, actions, { slots = 64, name } = {}) {
  assert.ok(globalThis.WebSocket, "expected WebSocket: run with node --experimental-websocket, as npm run test:browser does, or with Node 22");
  const session = randomUUID();
  const running = new Map();
  const finished = new Map();
  let socket;
  let closed = false;
  let beat;
  const say = (...messages) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(messages));
  const offer = () => say({ type: "offer", actions: Object.keys(actions), slots });
  const run = async ({ task, action, params, context }) => {
    if (running.has(task) || finished.has(task)) return;
    const abort = new AbortController();
    running.set(task, abort);
    let result;
    try {
      result = { type: "completed", task, output: await actions[action](params, { ...context, signal: abort.signal }) };
    } catch (thrown) {
      const { message, code, stack, cause, retryable } = thrown;
      result = { type: "failed", task, error: { message: String(message), code, stack, cause: cause && { message: cause.message }, retryable: retryable !== false } };
    }
    if (!running.delete(task)) return;
    finished.set(task, result);
    say(result);
  };
  const connect = () =>
    new Promise((offered) => {
      const mine = new WebSocket(`${engine.url.replace("http", "ws")}/api/v1/worker`, "workflow.worker.v1");
      socket = mine;
      mine.onopen = () => say({ type: "hello", session, ...(name !== undefined && { name }), holding: [...running.keys(), ...finished.keys()] });
      mine.onmessage = ({ data }) => {
        for (const message of JSON.parse(data)) {
          if (message.type === "welcome") {
            clearInterval(beat);
            beat = setInterval(() => say(), message.heartbeatMs);
            offer();
            for (const result of finished.values()) say(result);
            offered();
          } else if (message.type === "task") void run(message);
          else if (message.type === "abort" || message.type === "recorded") {
            running.get(message.task)?.abort(message.reason);
            running.delete(message.task);
            finished.delete(message.task);
          }
        }
      };
      const lost = () => {
        if (socket !== mine || closed) return;
        socket = undefined;
        clearInterval(beat);
        setTimeout(() => closed || void connect().then(offered), 200);
      };
      mine.onclose = lost;
      mine.onerror = lost;
    });
  await connect();
  return {
    /** Provides more, or something else. */
    provide(more) {
      Object.assign(actions, more);
      offer();
    },
    /** Gone without a word, as a process that was killed. */
    close() {
      closed = true;
      clearInterval(beat);
      socket?.close();
    },
  };
}

/** A door that actions wait at until a test opens it. */
export function gate() {
  let open;
  const passed = new Promise((resolve) => {
    open = resolve;
  });
  return { open, passed, through: async () => passed };
}
