#!/usr/bin/env bash
# Fuzzes: every target of fuzz/fuzz_targets, one after the other, each for as long as told.
#
#   scripts/fuzz.sh [SECONDS] [TARGET...]   60 s each, all of them, unless told otherwise
#   scripts/fuzz.sh minimise [TARGET...]    keeps of fuzz/corpus/TARGET and of what was found what reaches something new
#
# It needs no nightly toolchain and no cargo-fuzz: the instrumentation is what the compiler has, without a sanitizer (the targets
# look for panics, and only dependencies have unsafe code). What it finds lies in fuzz/found/TARGET, an input that fails in
# fuzz/artifacts/TARGET; add that to fuzz/corpus/TARGET, which every test run replays, when the mistake is mended.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

minimise=false seconds=60
case ${1-} in
  minimise) minimise=true && shift ;;
  [0-9]*) seconds=$1 && shift ;;
esac
targets=("$@")
((${#targets[@]})) || mapfile -t targets < <(basename -s .rs fuzz/fuzz_targets/*.rs)

host=$(rustc -vV | sed -n 's/^host: //p')
folder=fuzz/target/$host/release
sancov="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
sancov="$sancov -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
# The same versions of everything as in what is released.
cp Cargo.lock fuzz/Cargo.lock
# With --target, build scripts and macros are compiled without it.
RUSTFLAGS="$sancov" cargo build --release --manifest-path fuzz/Cargo.toml --target "$host" "${targets[@]/#/--bin=}"

for target in "${targets[@]}"; do
  corpus=fuzz/corpus/$target found=fuzz/found/$target
  mkdir -p "$corpus" "$found" "fuzz/artifacts/$target"
  # What is long takes long, and says nothing that something short does not.
  options=(-max_len=4096 -timeout=20 -rss_limit_mb=2048 "-artifact_prefix=fuzz/artifacts/$target/")
  [[ "$target" == definition || "$target" == request ]] && options[0]=-max_len=8192
  if $minimise; then
    kept=$(mktemp -d)
    "$folder/$target" "${options[@]}" -use_counters=0 -set_cover_merge=1 "$kept" "$corpus" "$found"
    # Inputs that once failed stay, whatever they reach now.
    find "$corpus" -type f ! -name 'failed-*' -delete
    cp "$kept"/* "$corpus"/ && rm -r "$kept"
    continue
  fi
  echo "== $target, $seconds s"
  "$folder/$target" "${options[@]}" "-max_total_time=$seconds" -print_final_stats=1 "$found" "$corpus" 2>&1 |
    grep -E 'ERROR|panicked|SUMMARY|Test unit written|INITED|DONE|stat::(number_of_executed|new_units|peak_rss)|^[^#]*[a-z].* at ' ||
    true
  if ((PIPESTATUS[0])); then
    echo "$target has failed: see fuzz/artifacts/$target" >&2
    exit 1
  fi
done
