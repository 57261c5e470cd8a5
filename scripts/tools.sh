#!/usr/bin/env bash
# The tools that the make targets need: looks for them, installs what apt has when it may, and otherwise says
# what is missing and how to get it. It never installs Rust or Node: which ones are on a machine is its owner's choice.
#
#   scripts/tools.sh build | run      exits 1, with every missing tool named, when the target cannot work
#   source scripts/tools.sh           for the functions below

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
NODE_MAJOR_MIN=20

if [[ -t 2 ]]; then BOLD=$'\e[1m' RED=$'\e[31m' YELLOW=$'\e[33m' GREEN=$'\e[32m' RESET=$'\e[0m'
else BOLD='' RED='' YELLOW='' GREEN='' RESET=''; fi

say() { printf '%s\n' "$*" >&2; }

# A shell that never read rustup's profile does not find cargo, though it is there.
if ! command -v cargo >/dev/null && [[ -x "$HOME/.cargo/bin/cargo" ]]; then PATH="$HOME/.cargo/bin:$PATH"; fi

may_install() { [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; }

# apt_install PACKAGE...: true when all of them are installed now.
apt_install() {
  may_install || return 1
  say "installing $* with apt"
  local log
  log="$(mktemp)"
  # The lists of a fresh image are empty or stale, so a first failure is answered with an update.
  if DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >"$log" 2>&1 ||
    { apt-get update -q >"$log" 2>&1 &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >>"$log" 2>&1; }; then
    rm -f "$log"
    return 0
  fi
  tail -n 5 "$log" >&2
  rm -f "$log"
  return 1
}

# at_least HAVE WANT: compares dotted versions.
at_least() { [[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" == "$2" ]]; }

# check_cargo, check_compiler, check_node, check_npm: print what is wrong and answer false.
check_cargo() {
  local want have
  want="$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")"
  if ! command -v cargo >/dev/null; then
    say "${RED}cargo is missing${RESET}: Rust $want or later is needed; install it from https://rustup.rs"
    return 1
  fi
  have="$(cargo --version | awk '{print $2}')"
  at_least "$have" "$want" && return 0
  say "${RED}Rust $have is too old${RESET}: $want or later is needed; try 'rustup update stable'"
  return 1
}

check_compiler() {
  { command -v cc || command -v gcc || command -v clang; } >/dev/null && return 0
  apt_install gcc libc6-dev && return 0
  say "${RED}a C compiler is missing${RESET}: SQLite is compiled in; try 'sudo apt-get install gcc libc6-dev'"
  return 1
}

check_node() {
  local have=0
  command -v node >/dev/null && have="$(node -p 'process.versions.node.split(".")[0]')"
  ((have >= NODE_MAJOR_MIN)) && return 0
  if ((have == 0)); then
    say "${RED}node is missing${RESET}: Node.js $NODE_MAJOR_MIN or later is needed; install it from https://nodejs.org"
  else
    say "${RED}Node.js $have is too old${RESET}: $NODE_MAJOR_MIN or later is needed; install it from https://nodejs.org"
  fi
  return 1
}

# Node's own installers bring npm; Debian has it in a package of its own.
check_npm() {
  command -v npm >/dev/null && return 0
  apt_install npm && return 0
  say "${RED}npm is missing${RESET}: the TypeScript package is built with it; it comes with Node.js from https://nodejs.org"
  return 1
}

# Answers false after naming everything that is missing, so that one round of installing is enough.
require_tools() {
  local ok=0 check
  for check in "$@"; do "$check" || ok=1; done
  return $ok
}

# find_or_install TOOL PACKAGE
find_or_install() { command -v "$1" >/dev/null || { apt_install "$2" && command -v "$1" >/dev/null; }; }

# Where tests and benchmarks look for it: Debian keeps its programs out of the path.
find_postgresql() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null; }

find_or_install_postgresql() {
  find_postgresql && return 0
  # Debian's package would start a cluster of its own; whoever needs one here makes it.
  local defaults=/etc/postgresql-common/createcluster.conf
  may_install && [[ ! -e "$defaults" ]] && mkdir -p "$(dirname "$defaults")" && echo 'create_main_cluster = false' >"$defaults"
  apt_install postgresql && find_postgresql
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  case "${1-}" in
    build) require_tools check_cargo check_compiler ;;
    run) require_tools check_cargo check_compiler check_node check_npm ;;
    *)
      say "usage: scripts/tools.sh build | run"
      exit 2
      ;;
  esac
fi
