# Configure, compile, install. ninja decides what to compile; the rest is skipped while its inputs are the same.
# shellcheck shell=bash

cmd_build() {
  setup_and_build "$@"
  say "ready: build/release, $VENV"
}

cmd_demo() {
  setup_and_build
  "$VENV/bin/python" demo/demo.py
}

cmd_bench() {
  setup_and_build
  [[ -f bench/run.py ]] || die "bench/run.py is not there"
  "$VENV/bin/python" bench/run.py "$@"
}

# setup_and_build [PACKAGE...]: one at a time in a tree, or two of them would write the same files.
setup_and_build() {
  mkdir -p build
  {
    flock 9
    setup_build "$@"
    build_preset release
    install_into_venv
  } 9>build/.lock
}

build_preset() {
  configure "$1"
  cmake --build "build/$1" --parallel "$(jobs_at_once)"
}

configure() {
  local preset=$1 key args
  args=("-DPython_EXECUTABLE=$ROOT/$VENV/bin/python" "-DSINEW_WERROR=$(in_ci && echo ON || echo OFF)")
  key=$(hash_of_text "${args[@]}" "$(hash_of_files CMakePresets.json "$VENV/pyvenv.cfg")")
  stamp_is "build/$preset/.configured" "$key" && return
  cmake --preset "$preset" --fresh "${args[@]}" </dev/null
  printf '%s\n' "$key" >"build/$preset/.configured"
}

# A real install, as a user's `pip install .` does it, only that the objects are already compiled. Not an editable
# one: its import hook costs time on every start, and the start is measured.
install_into_venv() {
  [[ -d python/sinew ]] || {
    say "skipped: installing the package (python/sinew is not there)"
    return 0
  }
  local key
  key=$(hash_of_files build/release/_sinew*.so build/release/bin/sinew python/sinew pyproject.toml CMakeLists.txt \
    cmake/SinewExtension.cmake cmake/SinewProgram.cmake "$VENV/.stamp")
  stamp_is "$VENV/.installed" "$key" && return
  say "installing into $VENV"
  venv_pip install --no-build-isolation --no-deps --no-index --force-reinstall \
    --config-settings=build-dir=build/release --config-settings=cmake.define.SINEW_DEVELOPER_MODE=ON .
  printf '%s\n' "$key" >"$VENV/.installed"
}
