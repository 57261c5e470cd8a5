#!/usr/bin/env bash
# Builds the npm package in the tree: TypeScript from the registry, the addon, `dist`.
#
#   scripts/npm-package.sh PROFILE     the addon's cargo profile: dev or release
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../npm/workflow.do"
source ../../scripts/tools.sh
profile="${1:?usage: scripts/npm-package.sh PROFILE}"

# node_modules is kept, so only the first time needs the registry. There is no lock file in the tree: the versions in package.json
# are exact, and what they need in turn is one package of types.
if ! npm ls --silent >/dev/null 2>&1; then
  say "installing the TypeScript compiler with npm"
  npm install --no-package-lock --no-audit --no-fund --loglevel=error >&2
fi
npm run --silent build:addon -- "$profile"
npm run --silent build:ts
