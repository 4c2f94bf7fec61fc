# Stages of a long run: each is timed, a failure does not stop the later ones, and the end says it all again.
# shellcheck shell=bash

STAGES=()
STAGES_FAILED=0
STAGES_SKIPPED=0
STAGES_START=$SECONDS

# stage NAME COMMAND...
stage() {
  local name=$1 start=$SECONDS status=0 outcome=passed
  shift
  say "$name"
  # In a shell of its own: called from a condition, bash ignores -e in a function and in its subshells, and a failure
  # in the middle of a stage would pass.
  "$ROOT/dev" run-stage "$@" </dev/null || status=$?
  if ((status != 0)); then
    outcome="FAILED ($status)"
    STAGES_FAILED=$((STAGES_FAILED + 1))
  fi
  STAGES+=("$(printf '%-28s %6ss  %s' "$name" $((SECONDS - start)) "$outcome")")
  return "$status"
}

# skip NAME REASON
skip() {
  STAGES_SKIPPED=$((STAGES_SKIPPED + 1))
  STAGES+=("$(printf '%-28s %7s  skipped: %s' "$1" - "$2")")
  say "$1: skipped: $2"
}

# finish_stages [EXTRA]: the table, then one line of key=value for tools. Returns 1 when a stage failed.
finish_stages() {
  local result=passed
  ((STAGES_FAILED == 0)) || result=failed
  printf '\n== summary\n'
  printf '%s\n' "${STAGES[@]}"
  printf 'sinew-result: %s stages=%d failed=%d skipped=%d%s seconds=%d\n' "$result" "${#STAGES[@]}" \
    "$STAGES_FAILED" "$STAGES_SKIPPED" "${1:+ $1}" $((SECONDS - STAGES_START))
  [[ $result == passed ]]
}
