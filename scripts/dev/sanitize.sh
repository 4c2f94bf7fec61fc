# The tests again, on a build with clang's sanitizers.
# shellcheck shell=bash

# cmd_sanitize asan|tsan
cmd_sanitize() {
  local mode=$1
  mkdir -p "$REPORTS"
  if stage "set up" setup_build "${PACKAGES_CLANG[@]}" && stage "build" build_preset "$mode"; then
    stage "unit tests" sanitized_ctest "$mode" || true
    stage_sanitized_python "$mode"
  fi
  finish_stages
}

stage_sanitized_python() {
  local mode=$1
  if [[ -d tests/python && -d python/ext ]]; then
    stage "python tests" sanitized_pytest "$mode" || true
  else
    skip "python tests" "no folder tests/python or python/ext"
  fi
}

sanitized_ctest() {
  local mode=$1
  export_sanitizer_options 1
  run_ctest "$mode"
}

# The interpreter is not instrumented: the runtime has to be there before it, and Python's own allocator would hide
# every error from it. Python leaks on purpose at exit, so leaks are looked for in the unit tests only.
sanitized_pytest() {
  local mode=$1 status=0 runtime site=$ROOT/build/$1/site
  runtime=$(clang++-19 -print-file-name="libclang_rt.$mode-x86_64.so")
  [[ -f $runtime ]] || die "no runtime library for $mode in clang-19"
  rm -rf "$site"
  cmake --install "build/$mode" --component python --prefix "$site" >/dev/null
  export_sanitizer_options 0
  # What Python does by itself: its threads end with the process, its handler of signals may set errno.
  export TSAN_OPTIONS+=:report_thread_leaks=0:report_signal_unsafe=0
  export SINEW_SANITIZER=$mode PYTHONMALLOC=malloc PYTHONPATH=$site
  report_to_files "build/$mode/findings"
  LD_PRELOAD=$runtime run_pytest "$mode" tests/python || status=$?
  show_findings "build/$mode/findings" || status=1
  return "$status"
}

# Half of what runs is server processes, whose standard error and exit status no test looks at: each process writes
# what it finds to a file, and goes on where it can, so that one run says everything.
report_to_files() {
  rm -rf "$1"
  mkdir -p "$1"
  local file=$ROOT/$1/report
  export ASAN_OPTIONS+=:log_path=$file UBSAN_OPTIONS+=:log_path=$file TSAN_OPTIONS+=:log_path=$file:halt_on_error=0
}

# show_findings FOLDER: the first report, and how often there is each kind. Returns 1 when there is any.
show_findings() {
  local files
  mapfile -t files < <(find "$1" -type f -size +0 | sort)
  ((${#files[@]} > 0)) || return 0
  head -n 80 "${files[0]}"
  printf '== %d processes reported something, all in %s:\n' "${#files[@]}" "$1"
  cat "${files[@]}" | grep -a -E '^SUMMARY|runtime error' | sort | uniq -c | sort -rn
  return 1
}

# export_sanitizer_options LEAKS
export_sanitizer_options() {
  local dir=$ROOT/tests/sanitizers
  ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer-19 || true)
  export ASAN_SYMBOLIZER_PATH TSAN_SYMBOLIZER_PATH=$ASAN_SYMBOLIZER_PATH
  export ASAN_OPTIONS=detect_leaks=$1:detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0
  export LSAN_OPTIONS=suppressions=$dir/lsan.txt:print_suppressions=0
  export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
  # die_after_fork=0: the forking server, and multiprocessing, start threads in their children.
  export TSAN_OPTIONS=suppressions=$dir/tsan.txt:second_deadlock_stack=1:halt_on_error=1:die_after_fork=0
}
