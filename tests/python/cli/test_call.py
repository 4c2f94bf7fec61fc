"""`sinew call`, `get` and `set`: what they send, what they print."""

import json

import pytest

from harness.combos import only

pytestmark = only(client="ours")

SERVICE = "commands:lab"


@pytest.fixture
def uri(serve):
    return f"tcp://127.0.0.1:{serve(SERVICE).port}"


def test_a_function_of_a_module_of_a_classic_server(said, classic_uri):
    assert said("call", classic_uri, "os.path.join", "a", "b") == "a/b\n"
    assert said("call", classic_uri, "xml.sax.saxutils.escape", "<") == "&lt;\n"
    assert said("call", classic_uri, "len", "[1, 2]") == "2\n"


@pytest.mark.parametrize(
    ("word", "python"),
    [
        ("3", "3"),
        ("-1", "-1"),
        ("2.5", "2.5"),
        ("red", "'red'"),
        ("'3'", "'3'"),
        ("True", "True"),
        ("None", "None"),
        ("(1, 'a')", "(1, 'a')"),
        ("[1, [2]]", "[1, [2]]"),
        ("{'a': 1}", "{'a': 1}"),
        ("{3}", "{3}"),
        ("b'x'", "b'x'"),
        ("10.0.0.1", "'10.0.0.1'"),
    ],
)
def test_an_argument_is_a_literal_or_else_text(said, classic_uri, word, python):
    assert said("call", classic_uri, "repr", word) == python + "\n"


def test_named_arguments_and_words_that_look_like_options(said, classic_uri):
    assert said("call", classic_uri, "json.dumps", "[1]", "indent=0") == "[\n1\n]\n"
    assert said("call", classic_uri, "repr", "--", "--timeout") == "'--timeout'\n"


def test_a_method_of_a_service(said, uri):
    assert said("call", uri, "add", 1, 3) == "4\n"
    assert said("call", uri, "root.add", 1, "b=2") == "3\n"
    assert said("call", uri, "channel(1).name") == "one\n"


def test_a_service_gets_containers_it_can_read(said, uri):
    assert said("call", uri, "total", "[1, 2, 3]") == "6\n"
    assert said("call", uri, "as_dict", "{'a': 1, 'b': (2,)}") == "{'a': 1, 'b': (2,)}\n"


def test_a_cpp_service(said, cpp_uri):
    assert said("call", cpp_uri, "add", 1, "b=3") == "4\n"
    assert said("get", cpp_uri, "channel(1).number") == "1\n"
    said("set", cpp_uri, "label", "lamp")  # each client has an object of its own
    assert said("get", cpp_uri, "label") == "scope\n"
    assert said("call", cpp_uri, "samples", 2, "--json") == "[0.0, 0.001]\n"


def test_text_is_printed_as_it_is_and_none_not_at_all(said, classic_uri):
    assert said("call", classic_uri, "str.upper", "a b") == "A B\n"
    assert said("call", classic_uri, "gc.enable") == ""


def test_json(said, classic_uri):
    text = said(
        "call",
        classic_uri,
        "dict",
        "[('a', [1, 2.5, None]), ('b', b'\\xff'), ('c', {1})]",
        "--json",
    )
    assert json.loads(text) == {"a": [1, 2.5, None], "b": {"bytes": "ff"}, "c": [1]}
    assert text.count("\n") == 1
    assert json.loads(said("get", classic_uri, "os", "--json"))["type"] in ("os", "builtins.module")


def test_a_result_that_is_no_json_is_no_wrong_command_line(complaint, classic_uri):
    text = "'" + "[" * 60 + "]" * 60 + "'"
    line = complaint(1, "call", classic_uri, "eval", text, "--json")
    assert line == "sinew call: the result is more than 50 containers deep: no JSON"


def test_json_of_what_a_service_lends(said, uri):
    assert json.loads(said("call", uri, "table", "--json")) == {"one": [1, "x"]}


def test_get_and_set(said, classic_uri):
    said("set", classic_uri, "os.environ['LAMP']", "red")
    assert said("get", classic_uri, "os.environ['LAMP']") == "red\n"
    said("set", classic_uri, "sys.lamp", "[1]")
    assert said("get", classic_uri, "sys.lamp") == "[1]\n"
    assert said("get", classic_uri, "sys.lamp[0]") == "1\n"


def test_a_remote_exception_is_a_line_and_code_1(complaint, uri):
    line = complaint(1, "call", uri, "fail", "no lamp")
    assert line == "sinew call: ValueError: no lamp"


def test_a_traceback_is_shown_when_it_is_asked_for(sinew, uri):
    done = sinew("call", "-v", uri, "fail", "no lamp")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.endswith("\nsinew call: ValueError: no lamp\n")


def test_what_is_not_exposed_is_a_remote_exception(complaint, uri):
    assert "AttributeError" in complaint(1, "call", uri, "hidden")
    assert "AttributeError" in complaint(1, "set", uri, "rate", 3)


def test_a_name_that_a_classic_server_lacks(complaint, classic_uri):
    assert "no module and no built-in function 'nowhere'" in complaint(
        1, "call", classic_uri, "nowhere"
    )
    line = complaint(1, "get", classic_uri, "sys.nowhere.x")
    assert line == "sinew get: the server has no 'sys.nowhere'"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["call"], "URI is required"),
        (["call", "lab-7"], "METHOD is required"),
        (["call", "lab-7", "add", "[1, 2"], "',' or ']' is missing at character 6 of: [1, 2"),
        (["call", "lab-7", "add", "a", "--jsn"], "--jsn"),
        (["call", "lab-7", "add("], "is missing"),
        (["call", "http://lab-7", "add"], "write tcp://"),
        (["call", "lab-7:99999", "add"], "below 65536"),
        (["call", "lab-7", "add", "--timeout", "soon"], "soon"),
        (["call", "lab-7", "add", "--timeout", "-1"], "--timeout"),
        (["call", "lab-7", "add", "--wire", "7"], "none of auto, 5 and 6"),
        (["call", "lab-7", "add", "--insecure"], "not tls://"),
        (["set", "lab-7", "f(1)", "2"], "cannot be set"),
        (["coll"], "no command 'coll'"),
    ],
)
def test_a_wrong_command_line_is_a_line_and_code_2(complaint, arguments, says):
    assert says in complaint(2, *arguments)


def test_an_argument_without_a_name_behind_one_with(complaint, uri):
    assert "has no name" in complaint(2, "call", uri, "add", "a=1", 2)


def test_no_connection_is_a_line_and_code_3(complaint, free_port):
    line = complaint(3, "call", f"127.0.0.1:{free_port}", "add")
    assert "Connection refused" in line
    assert f"127.0.0.1:{free_port}" in line


def test_a_unix_socket(said, serve, tmp_path):
    path = tmp_path / "lab.sock"
    serve(SERVICE, fresh=True, socket_path=path)
    assert said("call", f"unix://{path}", "add", 1, 2) == "3\n"


def test_a_time_limit(complaint, classic_uri):
    sleep = "time.sleep"  # lint: workload
    line = complaint(3, "call", classic_uri, sleep, 60, "--timeout", 0.2)
    assert line.startswith("sinew call: ")


def test_control_characters_go_into_a_pipe_as_they_are(said, classic_uri):
    assert said("call", classic_uri, "str", r"'\x1b[1m'") == "\x1b[1m\n"
