#!/usr/bin/env bash
# Builds the npm package in the tree: TypeScript from the registry, the addon, `dist`.
#
#   scripts/npm-package.sh PROFILE [CARGO ARGUMENT...]
#
# PROFILE is the addon's for cargo, dev or release; with `-p workflow-cli` the binary is built in the same run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../npm/workflow.do"
source ../../scripts/tools.sh
: "${1:?usage: scripts/npm-package.sh PROFILE [CARGO ARGUMENT...]}"

# node_modules is kept, so only the first time needs the registry. There is no lock file in the tree: the versions in package.json
# are exact, and what they need in turn is one package of types.
if ! npm ls --silent >/dev/null 2>&1; then
  say "installing the TypeScript compiler with npm"
  npm install --no-package-lock --no-audit --no-fund --loglevel=error >&2
fi
npm run --silent build:addon -- "$@"
npm run --silent build:ts
