#!/usr/bin/env bash
# Runs examples/order-processing-ts from the beginning, embedded and remote, with the npm package of the tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../examples/order-processing-ts"

if ! npm ls --silent >/dev/null 2>&1; then npm install --no-package-lock --no-audit --no-fund --loglevel=error >&2; fi
rm -f orders.db* orders-remote.db*
echo "npm start: the engine in the process"
npm start --silent
echo
echo "npm run remote: the engine in a server, the actions in the process"
npm run --silent remote
