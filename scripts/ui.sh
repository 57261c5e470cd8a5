#!/usr/bin/env bash
# Builds the page into ui/dist, which cargo puts into the binary.
#
#   scripts/ui.sh           packages where they are missing, then the build, within its size
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../ui"
source ../scripts/tools.sh

# As for the npm package: no lock file in the tree, exact versions in package.json.
if ! npm ls --silent >/dev/null 2>&1; then
  say "installing the page's packages with npm"
  npm install --no-package-lock --no-audit --no-fund --loglevel=error >&2
fi
npm run --silent build
