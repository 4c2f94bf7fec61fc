#!/usr/bin/env bash
# Verifies every models/*.pml with spin: the whole state space, 0 errors, nothing cut short. Fails on an assertion, an
# invalid end state (a deadlock), a violated ltl property, and on a search that ran out of depth or memory.
#
# Among a model's comment lines:
#   pan: -m200000     flags for the search, here its depth
#   mutant: NAME      defined, the macro takes a rule away, and some search has to fail: a model that cannot fail
#                     proves nothing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

said_in() { sed -n "s/.*\b$1: *\([-A-Za-z0-9_ ]*[A-Za-z0-9_]\).*/\1/p" "$2"; }
properties_of() { sed -n 's/^ *ltl  *\([A-Za-z_0-9]*\).*/\1/p' "$1"; }

# generate MODEL FOLDER [SPIN_FLAG...]
generate() {
  local model=$PWD/$1 folder=$2
  shift 2
  mkdir -p "$folder"
  (cd "$folder" && spin "$@" -a "$model" >spin.log 2>&1) || {
    cat "$folder/spin.log"
    return 1
  }
}

# search FOLDER PROPERTY PAN_FLAG...: its report. Without a property: safety, that is assertions and deadlocks.
search() {
  local folder=$1 property=$2 mode=(-noclaim) compile=(-DSAFETY -DNOCLAIM)
  shift 2
  if [[ -n $property ]]; then
    mode=(-a -f -N "$property")
    compile=()
  fi
  (cd "$folder" && "${CC:-cc}" -O2 -w -DCOLLAPSE -DMEMLIM=4096 "${compile[@]}" -o pan pan.c && ./pan "$@" "${mode[@]}") \
    >"$folder/report" 2>&1
}

found_nothing() {
  grep -q 'errors: 0' "$1" && ! grep -q -e 'max search depth too small' -e 'out of memory' -e 'memory limit' "$1"
}

found_something() { grep -q 'errors: [1-9]' "$1"; }

# verify MODEL PROPERTY: searches it as it stands. A search with fairness is many times as large as one without: for a
# property the macro LIVENESS is defined, under which a model may make itself smaller.
verify() {
  local model=$1 property=$2 folder="$WORK/${1##*/}-${2:-safety}" flags=() switches=()
  read -ra flags <<<"$(said_in pan "$model" | head -n 1)"
  [[ -z $property ]] || switches=(-DLIVENESS)
  generate "$model" "$folder" "${switches[@]}" || return 1
  if ! search "$folder" "$property" "${flags[@]}" || ! found_nothing "$folder/report"; then
    cat "$folder/report"
    return 1
  fi
  printf '%s, %s: %s, errors: 0\n' "$model" "${property:-safety}" \
    "$(grep -o -e '[0-9.e+]* states, stored' "$folder/report")"
}

# verify_mutant MODEL MUTANT: some search of it, safety first, has to fail.
verify_mutant() {
  local model=$1 mutant=$2 folder="$WORK/${1##*/}-$2" flags=() property
  read -ra flags <<<"$(said_in pan "$model" | head -n 1)"
  generate "$model" "$folder" "-D$mutant" || return 1
  for property in "" $(properties_of "$model"); do
    search "$folder" "$property" "${flags[@]}" || true
    if found_something "$folder/report"; then
      printf '%s, mutant %s: found out\n' "$model" "$mutant"
      return 0
    fi
  done
  cat "$folder/report"
  printf '%s: the mutant %s was not found out\n' "$model" "$mutant" >&2
  return 1
}

failed=0
for model in models/*.pml; do
  [[ -f $model ]] || { echo "no models in models/" >&2; exit 1; }
  verify "$model" "" || failed=1
  for property in $(properties_of "$model"); do
    verify "$model" "$property" || failed=1
  done
  for mutant in $(said_in mutant "$model"); do
    verify_mutant "$model" "$mutant" || failed=1
  done
done
exit "$failed"
