// All ways of the comparison, for programs that run them one after the other:
//
//   node bench/peers/PROGRAM WORKLOAD ...OPTIONS [--in-flight N] [--seconds S]
//
// `kind` says beside which of the project's own ways one stands: a library in the process, or a server with a process of handlers.

export const WAYS = {
  'restate-js': { kind: 'server', program: 'restate/bench.mjs', options: ['--handler', 'js'] },
  'restate-js-2p': { kind: 'server', program: 'restate/bench.mjs', options: ['--handler', 'js', '--partitions', '2'] },
  'restate-rust': { kind: 'server', program: 'restate/bench.mjs', options: ['--handler', 'rust'] },
  'restate-rust-2p': { kind: 'server', program: 'restate/bench.mjs', options: ['--handler', 'rust', '--partitions', '2'] },
  'dbos-js-postgres': { kind: 'in process', program: 'dbos/bench.mjs', options: ['--language', 'js'] },
  'dbos-python-sqlite': { kind: 'in process', program: 'dbos/bench.mjs', options: ['--language', 'python'] },
  'duroxide-sqlite': { kind: 'in process', program: 'duroxide/bench.mjs', options: [] },
  miniflare: { kind: 'server', program: 'miniflare/bench.mjs', options: [] },
}

export const WORKLOADS = ['order-5', 'latency', 'fan-out', 'start', 'sleepers', 'syncs']
