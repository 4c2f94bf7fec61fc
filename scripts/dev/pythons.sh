# The Python tests again, with each CPython of this machine that Sinew is for: Debian's, pyenv's, and what
# SINEW_PYTHONS names. Each has a folder build/python-X.Y with its own .venv and extension.
# shellcheck shell=bash

cmd_test_all_pythons() {
  local roles=either wanted=() found line version
  while (($# > 0)); do
    case $1 in
      --quick) roles=both ;;
      [0-9]*.[0-9]*) wanted+=("$1") ;;
      *) die "test-all-pythons takes --quick and versions such as 3.12, not '$1'" ;;
    esac
    shift
  done
  rm -rf "$REPORTS"
  mkdir -p "$REPORTS"
  need_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_PYTHON[@]}" "${PACKAGES_SSH[@]}"
  mapfile -t found < <(pythons_to_test "${wanted[@]}")
  ((${#found[@]} > 0)) || die "no such Python here"
  for line in "${found[@]}"; do
    version=${line%% *}
    if stage "$version, set up and build" python_build "$version" "${line#* }"; then
      stage "$version, python tests" python_test "$version" "$roles" || true
    fi
  done
  finish_stages "$(count_tests)"
}

# pythons_to_test [VERSION...]: "3.12 /path/to/python3.12", a line each. The tests know where Pythons are.
pythons_to_test() {
  PYTHONPATH=tests/python "$BASE_PYTHON" -B - "$@" <<'PY'
import sys
from harness import pythons

wanted = sys.argv[1:]
for version, path in pythons.for_extension().items():
    if not wanted or pythons.name(version) in wanted:
        print(pythons.name(version), path)
PY
}

# python_build VERSION PYTHON: as a user's `pip install .` does it, only that the objects stay for the next time.
python_build() {
  # Read by make_venv and venv_pip.
  local VENV=build/python-$1/.venv BASE_PYTHON=$2
  make_venv
  need_qt
  # The engine is the same for all of them: its objects may come from another build directory.
  CCACHE_NOHASHDIR=1 CMAKE_BUILD_PARALLEL_LEVEL=$(jobs_at_once) venv_pip install --no-build-isolation --no-deps \
    --no-index --force-reinstall --config-settings=build-dir="build/python-$1/cmake" .
}

# python_test VERSION ROLES
python_test() {
  local VENV=build/python-$1/.venv
  run_pytest "python-$1" tests/python --ours "$2"
}
