# What a reader should not have to look for: formatting, and the mistakes that tools find.
# shellcheck shell=bash

cmd_lint() {
  local tidy_files=changed_sources argument
  for argument in "$@"; do
    case $argument in
      --all) tidy_files=all_sources ;;
      --fix) fix_formatting ;;
      *) die "lint takes --all and --fix, not '$argument'" ;;
    esac
  done
  if stage "set up and build" setup_and_build "${PACKAGES_LINT[@]}" "${PACKAGES_CLANG[@]}" &&
    stage "build with clang" build_preset asan; then
    stage "clang-format" run_clang_format || true
    stage "ruff" run_ruff || true
    stage "mypy" run_mypy || true
    stage "clang-tidy" run_clang_tidy "$tidy_files" || true
  fi
  finish_stages
}

cxx_folders() {
  local folder
  for folder in src python/ext fuzz bench; do
    [[ ! -d $folder ]] || printf '%s\n' "$folder"
  done
}

cxx_files() { cxx_folders | xargs -I{} find {} -type f "(" -name '*.h' -o -name '*.cpp' ")" | sort; }

fix_formatting() {
  setup_build "${PACKAGES_LINT[@]}"
  cxx_files | xargs clang-format-19 -i
  "$VENV/bin/ruff" check --fix --quiet . || true # what it cannot fix is reported by the stage
  "$VENV/bin/ruff" format --quiet .
}

run_clang_format() { cxx_files | xargs clang-format-19 --dry-run -Werror; }

run_ruff() {
  "$VENV/bin/ruff" check .
  "$VENV/bin/ruff" format --check .
}

run_mypy() {
  [[ -d python/sinew ]] || die "no folder python/sinew"
  "$VENV/bin/mypy" python/sinew
  # The stubs against what the extension really has.
  [[ ! -f python/sinew/_sinew.pyi ]] || "$VENV/bin/stubtest" sinew._sinew
}

all_sources() { cxx_files | grep '\.cpp$'; }

# Changed since the main branch was left, or not yet in git. A change in a header counts for every source beside it.
changed_sources() {
  local base
  base=$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null || true)
  {
    [[ -z $base ]] || git diff --name-only --diff-filter=d "$base"
    git ls-files --others --exclude-standard
  } | sed 's/\.h$/.cpp/' | sort -u | grep -xF -f <(all_sources) || true
}

# run_clang_tidy LISTER: on the clang build's commands; GCC's have options that clang does not know.
run_clang_tidy() {
  local files
  mapfile -t files < <("$1")
  ((${#files[@]} > 0)) || {
    say "no changed sources"
    return 0
  }
  printf '%s\n' "${files[@]}" |
    xargs -P "$(jobs_at_once)" -n 1 clang-tidy-19 -p build/asan --quiet --warnings-as-errors='*'
}
