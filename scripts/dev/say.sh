# Words for the terminal, and the few things every other part needs.
# shellcheck shell=bash

say() { printf '== %s\n' "$*"; }

die() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

in_ci() { [[ ${CI:-} == true ]]; }

jobs_at_once() { printf '%s\n' "${SINEW_JOBS:-$(nproc)}"; }

# One hash over the arguments.
hash_of_text() { printf '%s\n' "$@" | sha256sum | cut -d' ' -f1; }

# One hash over the contents of files and folders; what does not exist counts as empty.
hash_of_files() {
  find "$@" -type f -not -name '*.pyc' -print0 2>/dev/null | sort -z | xargs -0r sha256sum |
    sha256sum | cut -d' ' -f1
}

# stamp_is FILE KEY: was this step last done with the same inputs?
stamp_is() { [[ -f $1 && $(<"$1") == "$2" ]]; }
