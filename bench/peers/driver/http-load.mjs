// The project's own load generator against a peer that speaks HTTP: the same program drives the project's server.

import { expected, input } from './order.mjs'
import { workflowBench } from './places.mjs'
import { output } from './processes.mjs'

/** `warm` and `seconds` are left out with `count`. */
export async function httpLoad({ url, workload, inFlight, warm = 0, seconds = 120, count }) {
  const body = JSON.stringify(input('@ID@'))
  const limits = ['--in-flight', inFlight, '--warm', warm, '--seconds', seconds, ...(count ? ['--count', count] : [])]
  const expect = expected(workload)
  const args = ['load', '--url', url, '--body', body, ...limits.map(String), ...(expect ? ['--expect', expect] : [])]
  const record = JSON.parse(await output(workflowBench(), args, { env: { ...process.env, RUST_BACKTRACE: '0' } }))
  delete record.in_flight
  return record
}
