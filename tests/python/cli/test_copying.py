"""`sinew upload` and `download`: files there and back, whole or not at all."""

import os
import random
import signal
import stat
import subprocess

import pytest

from harness.combos import only
from harness.terminal import Terminal
from harness.waiting import eventually

pytestmark = only(client="ours")
SIZE = 3_000_000  # more than a piece at first


@pytest.fixture
def content():
    return random.Random(7).randbytes(SIZE)


@pytest.fixture
def here(tmp_path):
    """The folder that the program runs in."""
    return tmp_path


@pytest.fixture
def there(tmp_path_factory):
    """A folder of the server, which is the same machine."""
    return tmp_path_factory.mktemp("there")


def test_a_file_there_and_back(said, classic_uri, here, there, content):
    (here / "a").write_bytes(content)
    (here / "a").chmod(0o640)
    assert said("upload", classic_uri, "a", there / "b") == ""
    assert (there / "b").read_bytes() == content
    assert stat.S_IMODE((there / "b").stat().st_mode) == 0o640
    assert said("download", classic_uri, there / "b", "c") == ""
    assert (here / "c").read_bytes() == content
    assert stat.S_IMODE((here / "c").stat().st_mode) == 0o640


def test_an_empty_file(said, classic_uri, here, there):
    (here / "a").write_bytes(b"")
    said("upload", classic_uri, "a", there / "b")
    said("download", classic_uri, there / "b")
    assert (here / "b").read_bytes() == b""


def test_into_a_folder_that_is_there(said, classic_uri, here, there):
    (here / "a").write_text("a")
    (there / "b").write_text("b")
    (here / "results").mkdir()
    said("upload", classic_uri, "a", there)
    said("download", classic_uri, there / "b", "results")
    assert (there / "a").read_text() == "a"
    assert (here / "results" / "b").read_text() == "b"


def tree(folder):
    """Return {path: content, or None for a folder} of all that is in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_a_folder_there_and_back(said, classic_uri, here, there):
    for name in ("x/1", "x/y/2", "x/y/\N{EURO SIGN} 3"):
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (here / "x" / "empty").mkdir()
    said("upload", classic_uri, "x/", there / "new")
    assert tree(there / "new") == tree(here / "x")
    said("download", classic_uri, there / "new")
    assert tree(here / "new") == tree(here / "x")


def test_what_is_missing_is_a_line(complaint, classic_uri, here, there):
    assert "cannot read nothing: No such file" in complaint(4, "upload", classic_uri, "nothing")
    line = complaint(1, "download", classic_uri, there / "nothing")
    assert line.startswith("sinew download: FileNotFoundError: ")
    assert os.listdir(here) == []
    (here / "a").write_text("a")
    assert "FileNotFoundError" in complaint(1, "upload", classic_uri, "a", there / "no" / "a")
    (there / "b").write_text("b")
    line = complaint(4, "download", classic_uri, there / "b", "no/b")
    assert line == "sinew download: cannot write no/b: No such file or directory"
    assert os.listdir(there) == ["b"]


def test_a_copy_that_fails_leaves_what_was_there(complaint, classic_uri, here, there):
    (here / "a").write_text("a")
    (there / "folder" / "a").mkdir(parents=True)  # nothing can take its place
    assert "IsADirectoryError" in complaint(1, "upload", classic_uri, "a", there / "folder")
    assert tree(there) == {"folder": None, "folder/a": None}


def test_a_service_is_no_place_for_files(complaint, serve, here):
    (here / "a").write_text("a")
    uri = f"127.0.0.1:{serve('commands:lab').port}"
    assert "needs a classic server" in complaint(1, "upload", uri, "a")
    assert "needs a classic server" in complaint(1, "download", uri, "a")


@pytest.fixture
def endless(there):
    """A pipe in the server's folder: what reads it waits as long as it is open."""
    path = there / "pipe"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    os.write(descriptor, b"begun")
    yield path
    os.close(descriptor)


def test_ctrl_c_leaves_no_unfinished_file(program, serve, here, endless):
    uri = f"127.0.0.1:{serve('classic:slave', fresh=True).port}"
    process = subprocess.Popen(
        [program, "download", uri, endless, "a"], cwd=here, stderr=subprocess.PIPE, text=True
    )
    with process:
        eventually(lambda: list(here.glob("a.*.part")), 20)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == -signal.SIGINT
        assert process.stderr.read() == ""
    assert os.listdir(here) == []


def test_a_client_that_dies_leaves_no_unfinished_file_over_there(program, classic_uri, here, there):
    os.mkfifo(here / "pipe")
    with subprocess.Popen([program, "upload", classic_uri, here / "pipe", there / "a"]) as process:
        writer = os.open(here / "pipe", os.O_WRONLY)
        os.write(writer, b"begun")
        eventually(lambda: list(there.glob("a.*.part")), 20)
        process.kill()
        os.close(writer)
    eventually(lambda: os.listdir(there) == [], 20)


def test_a_server_that_dies_is_a_line(program, serve, here, endless):
    server = serve("classic:slave", fresh=True)
    uri = f"127.0.0.1:{server.port}"
    process = subprocess.Popen(
        [program, "download", uri, endless, "a"], cwd=here, stderr=subprocess.PIPE, text=True
    )
    with process:
        eventually(lambda: list(here.glob("a.*.part")), 20)
        server.stop()
        assert process.wait(20) == 3
        assert process.stderr.read().count("\n") == 1
    assert os.listdir(here) == []


def test_progress_is_shown_on_a_terminal(program, classic_uri, here, there, content):
    (here / "a").write_bytes(content)
    terminal = Terminal([program, "upload", classic_uri, str(here / "a"), str(there / "lamp")])
    try:
        terminal.wait_for("lamp  [")
        terminal.wait_for(" %   ")
        terminal.wait_for("of 3.0 MB")
        assert terminal.end() == 0
    finally:
        terminal.close()
    assert (there / "lamp").read_bytes() == content


def test_a_server_does_not_choose_the_mode(said, sinew, serve, here, there):
    uri = f"127.0.0.1:{serve('classic:slave', fresh=True).port}"
    lie = (
        "import builtins\n"
        "real = builtins.exec\n"
        "def lying(source, *more):\n"
        "    if isinstance(source, str):\n"
        "        source = source.replace('& 0o777', '| 0o7777')\n"
        "    return real(source, *more)\n"
        "builtins.exec = lying\n"
    )
    assert sinew("shell", uri, stdin=None, input=lie).returncode == 0
    (there / "a").write_text("a")
    said("download", uri, there / "a", "a", umask=0o027)
    assert stat.S_IMODE((here / "a").stat().st_mode) == 0o750


def test_what_is_no_regular_file_is_not_replaced(complaint, classic_uri, here, there):
    (here / "a").write_text("a")
    os.mkfifo(here / "pipe")
    (here / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        line = complaint(4, "download", classic_uri, here / "a", name)
        assert line == f"sinew download: cannot write {name}: it is no regular file"
        line = complaint(1, "upload", classic_uri, "a", here / name)
        assert line.endswith(f"{name} is no regular file")
    assert stat.S_ISFIFO((here / "pipe").lstat().st_mode)
    assert (here / "link").is_symlink()
    assert sorted(os.listdir(here)) == ["a", "link", "pipe"]


def test_a_link_to_a_folder_does_not_vanish(said, complaint, classic_uri, here, there):
    (here / "x" / "real").mkdir(parents=True)
    (here / "x" / "real" / "a").write_text("a")
    (here / "x" / "file").symlink_to("real/a")
    said("upload", classic_uri, "x", there / "x")
    assert tree(there / "x") == {"real": None, "real/a": "a", "file": "a"}
    (here / "x" / "folder").symlink_to("real")
    assert "x/folder: it is a link to a folder" in complaint(4, "upload", classic_uri, "x")
    line = complaint(1, "download", classic_uri, here / "x", "y")
    assert line.endswith("x/folder is a link to a folder")
    assert not (here / "y").exists()
