"""`sinew ls`: what is there."""

import json
import socket
import threading

import pytest

from harness.combos import only
from harness.impls import submodule
from harness.waiting import eventually

pytestmark = only(client="ours")


def lines_of(text):
    """Return {name: line} of what is listed."""
    return {line.split("(")[0].split()[0].rstrip(":"): line for line in text.splitlines()[1:]}


@pytest.fixture
def uri(serve):
    return f"tcp://127.0.0.1:{serve('commands:lab').port}"


def test_a_service_with_its_docs(said, uri):
    text = said("ls", uri)
    assert text.splitlines()[0].endswith("LabService  An oscilloscope.")
    lines = lines_of(text)
    assert lines["add"].split() == ["add(...)", "Add", "two", "numbers."]
    assert lines["rate"].split() == ["rate", "=", "1000"]
    assert "hidden" not in lines
    assert "get_service_name" not in lines


def test_an_object_of_a_service(said, uri):
    text = said("ls", uri, "channel(1)")
    assert text.splitlines()[0].endswith("Channel  A channel of the scope.")
    assert lines_of(text)["name"].split() == ["name(...)", "Say", "its", "name."]


def test_a_cpp_service_with_its_signatures(said, cpp_uri):
    text = said("ls", cpp_uri)
    assert text.splitlines()[0] == "lab.Scope  An oscilloscope."
    lines = lines_of(text)
    assert lines["add"].split() == ["add(a,", "b=2)", "Adds", "two", "integers."]
    assert lines["CHANNELS"].split() == ["CHANNELS", "=", "2"]
    assert lines["rate"].split() == ["rate", "=", "1000.0"]


def test_the_modules_of_a_classic_server(said, classic_uri):
    lines = lines_of(said("ls", classic_uri))
    assert {"sys", "os", "threading"} <= set(lines)


def test_a_module_of_a_classic_server(said, classic_uri):
    lines = lines_of(said("ls", classic_uri, "posixpath"))
    assert lines["join"].split()[:2] == ["join(a,", "*p)"]
    assert lines["sep"].split() == ["sep", "=", "'/'"]


def test_json(said, uri, classic_uri):
    found = json.loads(said("ls", uri, "--json"))
    assert found["doc"] == "An oscilloscope."
    members = {member["name"]: member for member in found["members"]}
    assert members["add"] == {
        "name": "add",
        "kind": "method",
        "text": "(...)",
        "doc": "Add two numbers.",
    }
    found = json.loads(said("ls", classic_uri, "posixpath", "--json"))
    assert found["title"] == "posixpath"


@pytest.fixture
def registry(rpyc):
    """Start a registry with a service; return its port."""
    module = submodule(rpyc, "utils.registry")
    server = module.UDPRegistryServer("127.0.0.1", 0, allow_listing=True)
    thread = threading.Thread(target=server.start, daemon=True)
    thread.start()
    eventually(lambda: server.active)
    client = module.UDPRegistryClient("127.0.0.1", server.port)
    assert client.register(["SCOPE"], 18861, interface="127.0.0.1")
    yield server.port
    server.close()
    thread.join(10)


@only(server="ours")
def test_the_registry_is_asked_for_services(sinew, registry):
    done = sinew("ls", "--registry", f"127.0.0.1:{registry}")
    assert done.returncode == 0
    assert done.stdout.split() == ["SCOPE", "127.0.0.1:18861"]
    assert done.stderr == f"asked the registry at 127.0.0.1:{registry} (UDP): 1 services\n"
    done = sinew("ls", "--registry", f"127.0.0.1:{registry}", "--json")
    assert json.loads(done.stdout) == [{"name": "SCOPE", "places": ["127.0.0.1:18861"]}]


@only(server="ours")
def test_a_registry_that_is_not_there_is_a_line(complaint):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        line = complaint(3, "ls", "--registry", place, "--timeout", 0.2)
    assert line.startswith(f"sinew ls: no registry answers at {place} (UDP)")
