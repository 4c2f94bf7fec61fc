"""What `cmake --install` writes is all that a C++ program needs."""

import shutil
import subprocess
import sys

import pytest

from harness.combos import only

from .conftest import BUILD, ROOT

SOURCE = ROOT / "tests" / "cpp" / "installed"
pytestmark = [only(client="ours", server="ours"), pytest.mark.timeout(180)]


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    if not (BUILD / "CMakeCache.txt").exists() or not (BUILD / "cpp_peer").exists():
        pytest.skip(f"{BUILD} is not built")
    folder = tmp_path_factory.mktemp("installed")
    run("cmake", "--install", BUILD, "--component", "cpp", "--prefix", folder)
    return folder


def test_a_cmake_project_finds_it(prefix, tmp_path, serve):
    run("cmake", "-S", SOURCE, "-B", tmp_path, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", tmp_path)
    server = serve("classic:slave")
    assert run(tmp_path / "sum", f"tcp://127.0.0.1:{server.port}") == "6\n"


def test_pkg_config_knows_it(prefix, tmp_path, serve):
    if shutil.which("pkg-config") is None:
        pytest.skip("pkg-config is not installed")
    (folder,) = {path.parent for path in prefix.rglob("sinew.pc")}
    flags = run("pkg-config", "--cflags", "--libs", "sinew", env={"PKG_CONFIG_PATH": str(folder)})
    program = tmp_path / "sum"
    run("g++", "-std=c++20", SOURCE / "sum.cpp", "-o", program, *flags.split())
    server = serve("classic:slave")
    assert run(program, f"tcp://127.0.0.1:{server.port}") == "6\n"


def test_the_component_for_embedding(prefix, tmp_path):
    """It is found once it is installed, and asking for it before says that it is not there."""
    configure = (
        "cmake",
        "-S",
        SOURCE / "embedding",
        "-G",
        "Ninja",
        f"-DCMAKE_PREFIX_PATH={prefix}",
    )
    without = subprocess.run(
        [*configure, "-B", tmp_path / "without"], capture_output=True, text=True, check=False
    )
    assert without.returncode != 0
    assert "the component python of sinew is not installed" in without.stderr
    config = BUILD / "sinew-python-config.cmake"
    if not config.exists() or f"Python {sys.version_info[0]}.{sys.version_info[1]} " not in (
        config.read_text()
    ):
        pytest.skip("not built for this Python")
    run("cmake", "--install", BUILD, "--component", "embedding", "--prefix", prefix)
    run(*configure, "-B", tmp_path / "with", f"-DPython_ROOT_DIR={sys.base_prefix}")
    run("cmake", "--build", tmp_path / "with")
    assert run(tmp_path / "with" / "embedded_sum", sys.executable) == "6\n"


def test_the_program_is_there(prefix):
    assert run(prefix / "bin" / "sinew", "--version").startswith("sinew ")


def test_nothing_of_the_inside_is_installed(prefix):
    headers = [path.relative_to(prefix) for path in prefix.rglob("*.h*")]
    assert headers
    assert all(path.parts[:2] == ("include", "sinew") for path in headers)
