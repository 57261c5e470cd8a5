// What the ways of the records are called, and beside which others each stands.

export const OURS = {
  'rust-in-process': 'workflow.do, Rust',
  'node-in-process': 'workflow.do, Node',
  'server-rust-worker': 'workflow.do, Rust worker',
  'server-node-worker': 'workflow.do, TypeScript worker',
  'server-endpoint': 'workflow.do, HTTP endpoint',
}

export const NAMES = {
  ...OURS,
  'restate-rust': 'Restate, Rust handler',
  'restate-rust-2p': 'Restate, Rust handler, 2 partitions',
  'restate-js': 'Restate, TypeScript handler',
  'restate-js-2p': 'Restate, TypeScript handler, 2 partitions',
  'dbos-js-postgres': 'DBOS, JavaScript on PostgreSQL',
  'dbos-python-sqlite': 'DBOS, Python on SQLite',
  'duroxide-sqlite': 'duroxide, Rust on SQLite',
  miniflare: 'Cloudflare Workflows in Miniflare',
}

/** A library in the process of its user. */
export const IN_PROCESS = ['rust-in-process', 'node-in-process', 'dbos-js-postgres', 'dbos-python-sqlite', 'duroxide-sqlite']

/** A server, and a process that runs the steps. */
export const SERVED = [
  'server-rust-worker',
  'server-node-worker',
  'server-endpoint',
  'restate-rust',
  'restate-rust-2p',
  'restate-js',
  'restate-js-2p',
  'miniflare',
]

export const RESTATE_RUST = ['restate-rust', 'restate-rust-2p']
export const RESTATE_JS = ['restate-js', 'restate-js-2p']
export const DBOS = ['dbos-js-postgres', 'dbos-python-sqlite']
export const PEERS = [...RESTATE_RUST, ...RESTATE_JS, ...DBOS, 'duroxide-sqlite', 'miniflare']

export const isOurs = (way) => way in OURS
