# Every test there is, on one build: the release build, which is also what is installed.
# shellcheck shell=bash

REPORTS=build/reports

cmd_test() {
  local packages=("${PACKAGES_MODEL[@]}" "${PACKAGES_SSH[@]}")
  packages+=("${PACKAGES_CPP[@]}")
  in_ci && packages+=("${PACKAGES_CLANG[@]}")
  rm -rf "$REPORTS"
  mkdir -p "$REPORTS"
  if stage "set up and build" set_up_to_test "${packages[@]}"; then
    run_test_stages
  fi
  finish_stages "$(count_tests)"
}

set_up_to_test() {
  setup_and_build "$@"
  need_qt
}

run_test_stages() {
  stage "unit tests" run_ctest release || true
  stage_if_there tests/lint "source lints" run_pytest lint tests/lint
  stage_if_there models "models" timeout --kill-after=10 1200 tests/model/run_spin.sh
  stage_if_there tests/python "python, stock rpyc 6.0.2" run_pytest python tests/python
  stage_older_peer
  stage_if_there tests/docs "documentation" run_pytest docs tests/docs
  stage_if_there demo "demo" "$VENV/bin/python" demo/demo.py
  stage_fuzz
}

# stage_if_there FOLDER NAME COMMAND...
stage_if_there() {
  local folder=$1 name=$2
  shift
  if [[ -d $folder ]]; then
    stage "$@" || true
  else
    skip "$name" "no folder $folder"
  fi
}

stage_older_peer() {
  local name="python, stock rpyc 5.3.1"
  if grep -qs -e '--stock' tests/python/conftest.py; then
    # What the older release plays no part in was in the stage before, and a cut line is cut for either.
    stage "$name" run_pytest python-5.3.1 tests/python --stock 5.3.1 --meeting-stock --ignore=tests/python/network || true
  else
    skip "$name" "tests/python/conftest.py has no --stock"
  fi
}

stage_fuzz() {
  if ! in_ci; then
    skip "fuzz" "not CI; ./dev fuzz SECONDS"
  elif [[ ! -d fuzz ]]; then
    skip "fuzz" "no folder fuzz"
  else
    stage "fuzz" run_fuzzers 40 || true
  fi
}

run_ctest() {
  [[ $1 != release ]] || export SINEW_REQUIRE=1 # the peers are there: installed is what that preset builds
  ctest --test-dir "build/$1" --parallel "$(jobs_at_once)" --output-on-failure --no-tests=error \
    --output-junit "$ROOT/$REPORTS/ctest-$1.xml"
}

# run_pytest REPORT ARG...: the outer limit is for a hang that even the test's own limit cannot end.
run_pytest() {
  local report=$1
  shift
  # Without it, a Sinew that cannot be imported would be a long list of skipped tests.
  [[ ! -d python/sinew ]] || export SINEW_REQUIRE=1
  # On a machine that others use, too, one test in ten thousand is late. In CI it is run a second time, and the report
  # names it (RERUN); by hand a failure is a failure.
  if in_ci; then set -- --reruns 1 -rR "$@"; fi
  local most=1800
  [[ -z ${SINEW_SANITIZER:-} ]] || most=5400
  timeout --kill-after=10 "$most" "$VENV/bin/python" -m pytest --junitxml="$REPORTS/pytest-$report.xml" "$@"
}

# All reports of a run together: "tests=N tests_failed=N tests_skipped=N".
count_tests() {
  [[ -x $VENV/bin/python ]] || return 0
  "$VENV/bin/python" - "$REPORTS" <<'PY'
import pathlib, sys
import xml.etree.ElementTree as tree

total = failed = skipped = 0
for report in pathlib.Path(sys.argv[1]).glob("*.xml"):
    for suite in tree.parse(report).getroot().iter("testsuite"):
        number = lambda key: int(suite.get(key, 0))
        total += number("tests")
        failed += number("failures") + number("errors")
        skipped += number("skipped") + number("disabled")
print(f"tests={total} tests_failed={failed} tests_skipped={skipped}")
PY
}
