# libFuzzer over every target, each with the stored corpus and what earlier runs found on this machine.
# shellcheck shell=bash

cmd_fuzz() {
  local seconds=${1:-60}
  [[ $seconds =~ ^[0-9]+$ ]] || die "fuzz takes a number of seconds, not '$seconds'"
  setup_build "${PACKAGES_CLANG[@]}"
  run_fuzzers "$seconds"
}

run_fuzzers() {
  local seconds=$1 targets
  build_preset fuzz
  mkdir -p build/fuzz/findings
  mapfile -t targets < <(fuzz_targets)
  ((${#targets[@]} > 0)) || die "no fuzz targets in fuzz/"
  say "${#targets[@]} targets, $seconds s each, two at a time"
  export -f fuzz_one
  printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'fuzz_one "$@"' - {} "$seconds"
}

fuzz_targets() { find fuzz -maxdepth 1 -name '*_fuzz.cpp' -printf '%f\n' | sed 's/\.cpp$//' | sort; }

# fuzz_one TARGET SECONDS: quiet when it goes well, the whole log when it does not.
fuzz_one() {
  local target=$1 seconds=$2 log=build/fuzz/$1.log corpus=build/fuzz/corpus/$1 options=()
  mkdir -p "$corpus"
  [[ ! -f fuzz/$target.dict ]] || options+=("-dict=fuzz/$target.dict")
  local folders=("$corpus")
  [[ ! -d fuzz/corpus/$target ]] || folders+=("fuzz/corpus/$target")
  if "build/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="build/fuzz/findings/$target-" "${options[@]}" "${folders[@]}" >"$log" 2>&1; then
    printf '%-28s %s\n' "$target" "$(grep '^Done' "$log" | tail -n 1)"
  else
    cat "$log"
    printf '%-28s FAILED; the input is in build/fuzz/findings\n' "$target"
    return 1
  fi
}
