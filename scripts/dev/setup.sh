# From a bare Debian 12 to a machine that can build: packages, then .venv. Each step does nothing when there is
# nothing to do.
# shellcheck shell=bash
# shellcheck disable=SC2034  # the package lists are read by the other parts

VENV=.venv
BASE_PYTHON=${SINEW_PYTHON:-/usr/bin/python3}

# g++, cmake and ninja build; ccache makes a rebuild cheap; the -dev packages are the libraries we use, CLI11
# and libedit in the program `sinew` alone; openssl makes the certificates of the tests, and one of them runs a server
# inside gdb.
PACKAGES_BUILD=(g++ cmake ninja-build ccache libfmt-dev robin-map-dev zlib1g-dev libssl-dev libgtest-dev
  libcli11-dev libedit-dev openssl gdb)
# Debian's own Python comes in pieces; one named by SINEW_PYTHON is expected to be whole.
PACKAGES_PYTHON=(python3 python3-dev python3-venv)
PACKAGES_MODEL=(spin)
# A private sshd on loopback is the other end of the ssh tests.
PACKAGES_SSH=(openssh-server openssh-client)
# llvm-19 has the symbolizer: without it a sanitizer report has no names, and suppressions by name do not work.
PACKAGES_CLANG=(clang-19 libclang-rt-19-dev llvm-19)
# How one of the C++ tests finds the installed library.
PACKAGES_CPP=(pkg-config)
PACKAGES_LINT=(clang-format-19 clang-tidy-19 git)

setup_build() {
  local packages=("${PACKAGES_BUILD[@]}")
  [[ -n ${SINEW_PYTHON:-} ]] || packages+=("${PACKAGES_PYTHON[@]}")
  need_packages "${packages[@]}" "$@"
  make_venv
}

is_installed() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

need_packages() {
  command -v dpkg-query >/dev/null || {
    say "not a Debian system: expecting what these Debian packages contain: $*"
    return 0
  }
  local package missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]} == 0)) || install_packages "${missing[@]}"
}

install_packages() {
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "missing packages, and neither root nor sudo to install them: $*"
    as_root=(sudo)
  fi
  [[ -z ${SINEW_NO_APT:-} ]] || die "missing packages (SINEW_NO_APT is set): $*"
  say "installing packages: $*"
  # The lock options: another apt-get may be at work, for instance the machine's nightly update.
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  update_package_lists "${apt[@]}"
  "${apt[@]}" install -y --no-install-recommends "$@" </dev/null
}

# The lists have a lock of their own, which no option waits for.
update_package_lists() {
  local try
  for try in 1 2 3 4 5; do
    "$@" update </dev/null && return
    say "apt-get update failed (try $try of 5)"
    sleep 10
  done
  die "apt-get update keeps failing"
}

make_venv() {
  [[ -x $BASE_PYTHON ]] || die "no Python at $BASE_PYTHON (set SINEW_PYTHON)"
  local key
  key=$(hash_of_text "$("$BASE_PYTHON" -c 'import sys; print(sys.executable, sys.version)')" \
    "$(hash_of_files requirements)")
  stamp_is "$VENV/.stamp" "$key" && return
  say "making $VENV with $BASE_PYTHON"
  rm -rf "$VENV"
  "$BASE_PYTHON" -m venv "$VENV"
  venv_pip install -r requirements/dev.txt -r requirements/peers.txt
  # pip cannot see what is in a --target folder, so nothing there can disturb .venv itself.
  venv_pip install --target "$VENV/peers/rpyc-5.3.1" -r requirements/peers-rpyc-5.3.1.txt
  printf '%s\n' "$key" >"$VENV/.stamp"
}

# Large, and one test needs it: only who tests downloads it.
need_qt() {
  local key
  key=$(hash_of_files requirements/qt.txt)
  stamp_is "$VENV/.qt" "$key" && return
  say "installing Qt into $VENV"
  venv_pip install -r requirements/qt.txt
  printf '%s\n' "$key" >"$VENV/.qt"
}

venv_pip() { "$VENV/bin/python" -m pip --disable-pip-version-check --no-input -q "$@"; }
