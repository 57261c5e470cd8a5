// The part of a host in JavaScript (`host.mjs`): the closed loop, and the dialogue with the driver.

import { createInterface } from 'node:readline'

/**
 * Serves the driver until it closes the pipe. `one[workload](id)` completes when a workflow has, and fails when its output is
 * wrong; `sleeping(count)` when so many sleepers are at rest.
 */
export async function serve({ one, sleeping }) {
  say({ ready: true })
  for await (const line of createInterface({ input: process.stdin })) {
    const { sleeping: count, workload, ...load } = JSON.parse(line)
    const answer = count === undefined ? closedLoop(one[workload], load) : sleeping(count)
    say(await answer.catch((error) => ({ error: String(error.stack ?? error) })))
  }
}

/** `inFlight` clients, each of which starts its next workflow when the last one has completed. */
async function closedLoop(one, { inFlight, warm = 0, seconds = 120, count = Infinity }) {
  const since = performance.now()
  const begin = since + warm * 1_000
  const end = begin + seconds * 1_000
  const run = Date.now().toString(36)
  const micros = []
  let [sent, answered, last] = [0, 0, since]
  const client = async () => {
    while (sent < count && performance.now() < end) {
      sent += 1
      const started = performance.now()
      await one(`${run}-${String(sent).padStart(9, '0')}`)
      last = performance.now()
      answered += 1
      if (count !== Infinity || (last >= begin && last <= end)) micros.push(Math.round((last - started) * 1_000))
    }
  }
  await Promise.all(Array.from({ length: inFlight }, client))
  if (count !== Infinity && answered < count) throw new Error(`${answered} of ${count} workflows completed in time`)
  return { answered, seconds: count === Infinity ? seconds : (last - since) / 1_000, micros }
}

/** Says what is wrong with the output of a workflow that should have ended with this step. */
export function check(output, expected) {
  if (output?.reference !== expected) throw new Error(`expected an output with ${expected}, found ${JSON.stringify(output)}`)
}

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
