#!/usr/bin/env bash
# Verifies every models/*.pml with spin: the whole state space, 0 errors, nothing cut short. Fails on an assertion, an
# invalid end state (a deadlock), a violated ltl property, and on a search that ran out of depth or memory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A model says its own search depth in a first-lines comment, `pan: -m1000000`; further flags are allowed there.
pan_flags() { sed -n '1,20s/.*pan: *\([-A-Za-z0-9 ]*[A-Za-z0-9]\).*/\1/p' "$1" | head -n 1; }

# The named ltl properties of a model, one to a line.
properties() { sed -n 's/^ *ltl  *\([A-Za-z_0-9]*\).*/\1/p' "$1"; }

# verify MODEL PROPERTY: without a property, safety (assertions and deadlocks).
verify() {
  local model=$1 property=$2 flags=() report=$work/report compile=(-O2 -w -DCOLLAPSE -DMEMLIM=4096)
  read -ra flags <<<"$(pan_flags "$model")"
  if [[ -n $property ]]; then
    flags+=(-a -f -N "$property")
    compile+=(-DNFAIR=8)
  else
    flags+=(-noclaim)
    compile+=(-DSAFETY -DNOCLAIM)
  fi
  (cd "$work" && "${CC:-cc}" "${compile[@]}" -o pan pan.c && ./pan "${flags[@]}") >"$report" 2>&1 ||
    { cat "$report"; return 1; }
  if ! grep -q 'errors: 0' "$report" || grep -q -e 'max search depth too small' -e 'out of memory' "$report"; then
    cat "$report"
    return 1
  fi
  printf '%s, %s: %s\n' "$model" "${property:-safety}" "$(grep -o -e '[0-9.e+]* states, stored' "$report"), errors: 0"
}

failed=0
for model in models/*.pml; do
  [[ -f $model ]] || { echo "no models in models/" >&2; exit 1; }
  path=$PWD/$model
  (cd "$work" && rm -f pan* && spin -a "$path" >spin.log 2>&1) || { cat "$work/spin.log"; failed=1; continue; }
  verify "$model" "" || failed=1
  for property in $(properties "$model"); do
    verify "$model" "$property" || failed=1
  done
done
exit "$failed"
