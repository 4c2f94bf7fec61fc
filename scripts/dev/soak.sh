# The long form of the tests that have one, or hours of the calls that real programs make. What they print goes into
# docs/security.md by hand.
# shellcheck shell=bash

cmd_soak() {
  if [[ ${1:-} == --hours ]]; then
    soak_for_hours "$@"
    return
  fi
  local minutes=10
  if [[ ${1:-} == --minutes ]]; then
    minutes=${2:-}
    shift 2 || true
  fi
  [[ $minutes =~ ^[0-9]+(\.[0-9]+)?$ && $# -eq 0 ]] || die "soak takes --minutes N, or --hours N"
  setup_and_build
  export SINEW_REQUIRE=1
  ulimit -n "$(ulimit -Hn)" # thousands of connections
  "$VENV/bin/python" -m pytest tests/python -m soak --soak "$minutes"
}

# With everything that tests/soak/soak.py takes; without more its samples and its picture go to build/soak.
soak_for_hours() {
  setup_and_build
  mkdir -p build/soak
  "$VENV/bin/python" tests/soak/soak.py --csv build/soak/soak.csv --svg build/soak/soak.svg "$@"
}
