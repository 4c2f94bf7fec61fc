"""Moving data, files and output between the two interpreters in classic mode."""

import io
import json
import os
import sys

import pytest

from harness.combos import only
from harness.impls import submodule


@pytest.fixture
def tools(rpyc):
    return submodule(rpyc, "utils.classic")


@pytest.fixture
def tree(tmp_path):
    """A small tree of files, with an empty, a binary and a longer one."""
    root = tmp_path / "tree"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "empty.txt").write_bytes(b"")
    (root / "sub" / "binary.dat").write_bytes(bytes(range(256)))
    (root / "sub" / "deep" / "long.dat").write_bytes(os.urandom(300_000))
    return root


def contents(root):
    """Return the relative paths of all files below a folder with what they hold."""
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_obtain_makes_a_local_copy(classic, tools):
    copy = tools.obtain(classic.eval("{'a': [1, 2], 'b': (3, {4})}"))
    assert type(copy) is dict
    assert copy == {"a": [1, 2], "b": (3, {4})}
    assert type(copy["a"]) is list


def test_deliver_makes_a_remote_copy(classic, tools):
    mine = {"a": [1, 2]}
    theirs = tools.deliver(classic, mine)
    assert theirs is not mine
    theirs["a"].append(3)
    assert mine == {"a": [1, 2]}
    classic.namespace["theirs"] = theirs
    assert classic.eval("type(theirs) is dict and theirs['a']")[2] == 3


@pytest.mark.parametrize("size", [0, 1, 64_000, 64_001, 1_000_000])
def test_a_file_is_uploaded_and_downloaded_unchanged(classic, tools, tmp_path, size):
    source, there, back = (str(tmp_path / name) for name in ("source", "there", "back"))
    data = os.urandom(size)
    with open(source, "wb") as file:
        file.write(data)
    tools.upload_file(classic, source, there)
    tools.download_file(classic, there, back)
    with open(there, "rb") as file:
        assert file.read() == data
    with open(back, "rb") as file:
        assert file.read() == data


def test_the_chunk_size_may_be_chosen(classic, tools, tmp_path):
    source, there = str(tmp_path / "source"), str(tmp_path / "there")
    data = os.urandom(1000)
    with open(source, "wb") as file:
        file.write(data)
    tools.upload(classic, source, there, chunk_size=7)
    tools.download(classic, there, source, chunk_size=13)
    with open(source, "rb") as file:
        assert file.read() == data


def test_a_folder_is_uploaded_and_downloaded_with_all_below(classic, tools, tree, tmp_path):
    tools.upload(classic, str(tree), str(tmp_path / "there"))
    assert contents(tmp_path / "there") == contents(tree)
    tools.download(classic, str(tmp_path / "there"), str(tmp_path / "back"))
    assert contents(tmp_path / "back") == contents(tree)


def test_a_filter_chooses_among_the_names(classic, tools, tree, tmp_path):
    def wanted(name):
        return not name.endswith(".txt")

    tools.upload(classic, str(tree), str(tmp_path / "there"), filter=wanted)
    names = set(contents(tmp_path / "there"))
    assert names == {"sub/binary.dat", "sub/deep/long.dat"}
    tools.download(classic, str(tree), str(tmp_path / "back"), filter=wanted)
    assert set(contents(tmp_path / "back")) == names


def test_a_missing_source_is_an_error_unless_ignored(classic, tools, tmp_path):
    missing, target = str(tmp_path / "missing"), str(tmp_path / "target")
    with pytest.raises(ValueError):
        tools.upload(classic, missing, target)
    with pytest.raises(ValueError):
        tools.download(classic, missing, target)
    tools.upload(classic, missing, target, ignore_invalid=True)
    tools.download(classic, missing, target, ignore_invalid=True)
    assert not os.path.exists(target)


def test_a_package_is_uploaded_from_where_it_was_imported(classic, tools, tmp_path):
    tools.upload_package(classic, json, str(tmp_path / "json"))
    assert (tmp_path / "json" / "decoder.py").exists()


def test_remote_output_is_redirected_to_this_side(classic, tools, monkeypatch):
    mine = io.StringIO()
    monkeypatch.setattr(sys, "stdout", mine)
    with tools.redirected_stdio(classic):
        classic.execute("print('printed there')")
    assert mine.getvalue() == "printed there\n"


def test_redirection_ends_with_its_block(classic, tools, monkeypatch):
    mine = io.StringIO()
    monkeypatch.setattr(sys, "stdout", mine)
    before = classic.eval("id(__import__('sys').stdout)")
    with tools.redirected_stdio(classic):
        pass
    assert classic.eval("id(__import__('sys').stdout)") == before
    assert mine.getvalue() == ""


def test_remote_input_is_read_from_this_side(classic, tools, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed here\n"))
    with tools.redirected_stdio(classic):
        assert classic.eval("__import__('sys').stdin.readline()") == "typed here\n"


def test_remote_errors_are_redirected_too(classic, tools, monkeypatch):
    mine = io.StringIO()
    monkeypatch.setattr(sys, "stderr", mine)
    with tools.redirected_stdio(classic):
        classic.execute("import sys; sys.stderr.write('oops')")
    assert mine.getvalue() == "oops"


@only(client="ours")
def test_a_side_that_offers_nothing_lends_its_standard_files_and_no_more(
    serve, tools, client_config, monkeypatch
):
    import sinew  # noqa: PLC0415 - only where ours is built

    shown = io.StringIO()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed here\n"))
    address = f"tcp://127.0.0.1:{serve('classic:slave').port}"
    with sinew.connect(address, config=client_config) as conn:
        with tools.redirected_stdio(conn):
            conn.execute("print(input('name? '), flush=True)")
            for more in ("stdout.__class__.__init__", "stdout.close", "stdin.seek"):
                with pytest.raises(AttributeError):
                    conn.eval(f"__import__('sys').{more}")
        conn.execute("print('printed there')")
    assert shown.getvalue() == "name? typed here\n"


def test_the_mock_connection_works_on_this_interpreter(lib):
    mock = submodule(lib, "utils.classic").MockClassicConnection()
    assert mock.modules.os.getpid() == os.getpid()
    mock.execute("x = 3")
    assert mock.eval("x + 1") == 4
    assert mock.namespace["x"] == 3
    assert mock.builtins.len("ab") == 2
    assert mock.teleport(lambda n: n * 2, def_=False)(21) == 42
