#!/usr/bin/env bash
# Installs what the peers need, each by its package name in an exact version, below bench/peers/: npm packages (Node 22 among them),
# a Python environment, the peers' own Rust crates; PostgreSQL, perf and strace from Debian, where this may install packages.
# Says nothing when everything is there; otherwise what it does, and in the end what is missing and which peers that leaves out.
#
#   bench/peers/setup.sh [postgres]     what all peers need; what DBOS for JavaScript on PostgreSQL needs
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
source ../../scripts/tools.sh

DBOS_PYTHON=3.4.0
PYTHON_MIN=3.10
CRATES=(restate/handler-rust:restate-handler duroxide/host:duroxide-host)

missing=()

main() {
  npm_packages || missing+=("npm packages, so all peers: see what npm said above")
  postgres || missing+=("PostgreSQL, so DBOS for JavaScript; try 'sudo apt-get install postgresql'")
  [[ "${1-}" == postgres ]] || of_the_others
  ((${#missing[@]} == 0)) && return 0
  say "${RED}missing${RESET}:"
  printf '  %s\n' "${missing[@]}" >&2
  return 1
}

of_the_others() {
  python_packages || missing+=("DBOS for Python: Python $PYTHON_MIN or later with venv, and dbos==$DBOS_PYTHON from PyPI")
  local crate
  for crate in "${CRATES[@]}"; do
    rust_crate "${crate%%:*}" "${crate##*:}" || missing+=("${crate%%:*}: see what cargo said above")
  done
  find_or_install perf linux-perf || find_or_install strace strace || missing+=("perf or strace, so the workload syncs; try 'sudo apt-get install strace'")
}

# The list that npm leaves behind says what it installed; it is renewed when package.json is newer.
npm_packages() {
  local installed=node_modules/.package-lock.json
  [[ -e "$installed" && ! package.json -nt "$installed" ]] && return 0
  require_tools check_node check_npm || return 1
  say "installing the npm packages of the peers"
  # Lock files name the registry they came from; install scripts only fetch what optional dependencies already hold.
  npm install --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error >&2 && touch "$installed"
}

python_packages() {
  local python=.venv/bin/python
  [[ -x "$python" ]] && "$python" -c "import importlib.metadata as m; assert m.version('dbos') == '$DBOS_PYTHON'" 2>/dev/null && return 0
  command -v python3 >/dev/null && at_least "$(python3 -c 'import platform; print(platform.python_version())')" "$PYTHON_MIN" || return 1
  say "installing dbos $DBOS_PYTHON for Python"
  python3 -m venv .venv >&2 && "$python" -m pip install --quiet --disable-pip-version-check "dbos==$DBOS_PYTHON" >&2
}

# rust_crate FOLDER PROGRAM: cargo says itself when there is nothing to do; it is asked only when the sources are newer.
rust_crate() {
  local program="target/release/$2"
  [[ -x "$program" && -z "$(find "$1/src" "$1/Cargo.toml" -newer "$program")" ]] && return 0
  require_tools check_cargo check_compiler || return 1
  say "building $1"
  CARGO_TARGET_DIR=target cargo build --release --quiet --manifest-path "$1/Cargo.toml" && touch "$program"
}

postgres() {
  [[ -n "${PG_BIN-}" && -x "$PG_BIN/initdb" ]] && return 0
  find_or_install_postgresql
}

main "$@"
