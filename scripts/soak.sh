#!/usr/bin/env bash
# The tests that take longer than anyone waits for: as long as told, in minutes (60 unless told otherwise).
#
#   scripts/soak.sh [MINUTES]
#
# Rounds go on until the time is up; the first failure ends it, with the seed or the case that failed in its output.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
minutes=${1:-60}
until=$((SECONDS + minutes * 60))

echo "== all workflows of four steps, exhaustively (tens of minutes; cut off when the time is up)"
status=0
EXHAUSTIVE=4 timeout "$((minutes * 60))" cargo test --release -p workflow-core --test exhaustive -- --nocapture || status=$?
case $status in
  0) ;;
  124) echo "cut off after $minutes minutes, without a failure until then" ;;
  *) exit "$status" ;;
esac

echo "== engines that share a database: three faults, and more gifts and events, in every order (12 GiB of memory, a quarter of an hour)"
for bounds in "2 2 2" "2 1 3" "3 0 2"; do
  WORKFLOW_MODEL="$bounds" cargo test -p workflow-model --test ownership as_far_as_one_is_told -- --nocapture
done

round=0
while ((SECONDS < until)); do
  round=$((round + 1))
  echo "== round $round: 10 minutes of simulation, 20,000 random histories, disks that fail and forget for 2 minutes, each fuzz target for 2, 100,000 expressions, the API for 10, 200 crashes, 5 minutes of each case of PostgreSQL, signals and pauses, a minute of overload"
  SIMULATION_MINUTES=$((minutes < 10 ? minutes : 10)) cargo test --release -p workflow-engine --test simulation whatever -- --nocapture
  PROPTEST_CASES=20000 cargo test --release -p workflow-core --test properties
  WORKFLOW_DISK_SECONDS=120 cargo test --release -p workflow-store --test disk -- --nocapture
  scripts/fuzz.sh 120
  WORKFLOW_EXPRESSIONS=100000 WORKFLOW_EXPRESSIONS_SEED=$((round * 1000000)) cargo test --release -p workflow-core --test expressions_generated -- --nocapture
  cargo build --release -p workflow-cli
  # Where there is no Python or no package index, it says so.
  scripts/schemathesis.sh target/release/workflow 600 "$((RANDOM * 32768 + RANDOM))" || (($? == 77))
  WORKFLOW_CRASH_KILLS=200 cargo test -p workflow-cli --test crash -- --nocapture
  cargo test -p workflow-cli --test process
  WORKFLOW_CLUSTER_SECONDS=300 cargo test -p workflow-cli --test cluster -- --include-ignored --show-output
  WORKFLOW_OVERLOAD_SECONDS=60 WORKFLOW_OVERLOAD_CONNECTIONS=12000 cargo test -p workflow-cli --test overload -- --nocapture
done
echo "soak: $round rounds without a failure"
