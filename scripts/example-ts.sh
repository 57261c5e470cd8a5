#!/usr/bin/env bash
# Runs examples/order-processing-ts from the beginning, embedded and remote, with the npm package of the tree. Fails unless it
# prints what its README says that it prints.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../examples/order-processing-ts"

if ! npm ls --silent >/dev/null 2>&1; then npm install --no-package-lock --no-audit --no-fund --loglevel=error >&2; fi
rm -f orders.db* orders-remote.db*
printed="$(mktemp)"
trap 'rm -f "$printed"' EXIT

# The block of the README without a language.
as_the_readme_says() {
  diff <(awk '/^```/ { inside = !inside; wanted = inside && $0 == "```"; next } wanted' README.md) "$1" && return
  echo "the example printed something else than its README says" >&2
  exit 1
}

echo "The order in TypeScript, the engine in its process (npm start):"
npm start --silent | tee "$printed"
as_the_readme_says "$printed"
echo
echo "The same, the engine in a server (npm run remote):"
npm run --silent remote | tee "$printed"
# Its first line names the server's process and port.
as_the_readme_says <(tail -n +3 "$printed")
