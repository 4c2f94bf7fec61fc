# The long form of the tests that have one. What it prints goes into docs/security.md by hand.
# shellcheck shell=bash

cmd_soak() {
  local minutes=10
  if [[ ${1:-} == --minutes ]]; then
    minutes=${2:-}
    shift 2 || true
  fi
  [[ $minutes =~ ^[0-9]+(\.[0-9]+)?$ && $# -eq 0 ]] || die "soak takes --minutes N"
  setup_and_build
  export SINEW_REQUIRE=1
  ulimit -n "$(ulimit -Hn)" # thousands of connections
  "$VENV/bin/python" -m pytest tests/python -m soak --soak "$minutes"
}
