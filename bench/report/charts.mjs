// Which charts there are, and what is in them.

import { bars } from './chart.mjs'
import { skipCeiling } from './goals.mjs'
import { IN_PROCESS, NAMES, SERVED, isOurs } from './ways.mjs'

const IN_FLIGHT = [64, 256, 1_000]
const BESIDE = [
  { name: 'a library in the process', ways: IN_PROCESS },
  { name: 'a server, and a process that runs the steps', ways: SERVED },
]

/** `{name: svg}`; a chart of which nothing was measured is left out. */
export function charts(records) {
  const grouped = (figureOf) =>
    BESIDE.map(({ name, ways }) => ({ name, bars: ways.map((way) => ({ label: NAMES[way], ours: isOurs(way), ...figureOf(way) })) }))
  const at256 = (way) => {
    const figure = records.loop('order-5', way, 256)
    return figure ? { figure } : { figure: records.loop('order-5', way, 64), mark: '(64 in flight)' }
  }
  const all = {
    'order-5': bars({
      title: 'Orders of five durable steps, completed a second',
      subtitle: '256 in flight; all of a way shares the cores of one machine; median of all rounds, with least and most',
      axis: 'completed a second',
      groups: grouped(at256),
    }),
    latency: bars({
      title: 'One order of five durable steps at a time, from start to completed',
      subtitle: 'p50; median of all rounds, with least and most; logarithmic, shorter is better',
      axis: 'milliseconds',
      unit: ' ms',
      scale: 'log',
      groups: grouped((way) => ({ figure: records.loop('latency', way, 1, 'p50_ms') })),
    }),
    'fan-out': bars({
      title: 'One step, ten in parallel, one that joins them: completed a second',
      subtitle: '64 in flight; median of all rounds, with least and most',
      axis: 'completed a second',
      groups: grouped((way) => ({ figure: records.loop('fan-out', way, 64) })),
    }),
    ceiling: bars({
      title: 'Orders a second beside what the store alone allows',
      subtitle: 'the store with handlers that take no time, and the whole engine with a Rust handler in the process',
      axis: 'orders a second',
      groups: IN_FLIGHT.map((inFlight) => ({
        name: `${inFlight.toLocaleString('en-US')} in flight`,
        bars: [
          { label: 'the simplest schema in SQLite (`skip`)', figure: skipCeiling(records, inFlight) },
          { label: 'our store alone', figure: records.of('orders_per_second', { workload: 'limits', way: 'store', in_flight: inFlight }) },
          { label: 'workflow.do, Rust, in process', figure: records.loop('order-5', 'rust-in-process', inFlight), ours: true },
        ],
      })),
    }),
  }
  return Object.fromEntries(Object.entries(all).filter(([, svg]) => svg !== undefined))
}
