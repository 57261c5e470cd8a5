#!/usr/bin/env bash
# The HTTP API against its own OpenAPI document: schemathesis makes requests from it, right and wrong ones, follows its links, and
# holds every answer against it.
#
#   scripts/schemathesis.sh BINARY [SECONDS] [SEED]   60 s unless told otherwise, and the same requests as ever
#
# It installs schemathesis into .run/schemathesis with the Python that is there. Exit code 77: there is none, or no package index.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tools.sh
binary=${1:?usage: scripts/schemathesis.sh BINARY [SECONDS] [SEED]} seconds=${2:-60} seed=${3:-1}

VERSION=4.32.5
folder=.run/schemathesis
st=$folder/venv/bin/st
if [[ "$("$st" --version 2>/dev/null)" != *"$VERSION"* ]]; then
  if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    say "there is no Python 3.10 or newer with venv"
    exit 77
  fi
  say "installing schemathesis $VERSION with pip into $folder"
  rm -rf "$folder" && python3 -m venv "$folder/venv"
  if ! "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$VERSION"; then
    rm -rf "$folder"
    say "schemathesis could not be had from the Python package index"
    exit 77
  fi
fi

work=$(mktemp -d)
server=
stop() {
  [[ -z "$server" ]] || { kill "$server" 2>/dev/null && wait "$server"; } || true
  rm -rf "$work"
}
trap stop EXIT
# Every request needs a token, also before one of them makes the first: what comes without it, or with another, is refused.
token=$(python3 -c 'import secrets; print(secrets.token_hex(32))')
# Without the settings of whoever runs this.
env -i PATH="$PATH" HOME="$work" WORKFLOW_ADMIN_TOKEN="$token" "$binary" --json serve --listen 127.0.0.1:0 --db "$work/workflow.db" >"$work/ready" 2>"$work/log" &
server=$!
for _ in {1..600}; do
  [[ -s "$work/ready" ]] && break
  kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
  read -rt 0.1 <> <(:) || true
done
url=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["url"])' "$work/ready")

status=0
root=$PWD
# It leaves a folder where it runs.
cd "$work"
"$root/$st" --config-file "$root/scripts/schemathesis.toml" run "$url/openapi.json" --header "Authorization: Bearer $token" --mode all --continue-on-failure \
  --max-time "$seconds" --seed "$seed" --generation-database none --request-timeout 20 --suppress-health-check all \
  --no-color --warnings off || status=$?
# A panic is answered with 500, which a check finds; what is in the log and was not answered is looked for here.
if grep -E 'panicked|request was answered with an error of the server' "$work/log" >&2; then status=1; fi
kill -0 "$server" || { say "the server has died"; exit 1; }
exit "$status"
