"""`sinew.connect`, `sinew.serve`, `sinew.expose`: the face for those who do not know RPyC."""

import pydoc
import re
import threading

import pytest

from harness.waiting import eventually

sinew = pytest.importorskip("sinew")
pytestmark = pytest.mark.skipif(not hasattr(sinew, "connect"), reason="sinew is not built")


class Calculator:
    """Adds things up."""

    def __init__(self):
        self.memory = 0

    @sinew.expose
    def add(self, a, b):
        """Return the sum."""
        return a + b

    @sinew.expose
    @property
    def total(self):
        return self.memory

    @total.setter
    def total(self, value):
        self.memory = value

    @sinew.expose
    @staticmethod
    def name():
        return "calc"

    def secret(self):
        return "secret"


@pytest.fixture
def served(request, tmp_path):
    """Return a function that serves a thing in a thread and returns the address."""
    from sinew.serving import make_server  # noqa: PLC0415 - only where ours is built

    servers = []

    def serve(thing, uri="tcp://127.0.0.1:0"):
        server = make_server(thing, uri)
        server._listen()
        threading.Thread(target=server.start, daemon=True).start()
        servers.append(server)
        return uri if uri.startswith("unix") else f"tcp://{server.host}:{server.port}"

    yield serve
    for server in servers:
        server.close()


def test_exposed_members_are_offered_and_no_others(served):
    with sinew.connect(served(Calculator())) as conn:
        assert conn.root.add(1, 2) == 3
        assert conn.root.name() == "calc"
        assert conn.root.total == 0
        for hidden in ("secret", "memory", "__class__", "__init__", "_target", "__dict__"):
            with pytest.raises(AttributeError):
                conn.sync_request(4, conn.root, hidden)


def test_an_exposed_property_can_be_set_and_nothing_else(served):
    with sinew.connect(served(Calculator())) as conn:
        conn.root.total = 5
        assert conn.root.total == 5
        with pytest.raises(AttributeError):
            conn.root.memory = 6


def test_an_instance_is_shared_and_a_class_is_not(served):
    shared, own = served(Calculator()), served(Calculator)
    for address, expected in ((shared, 7), (own, 0)):
        with sinew.connect(address) as one, sinew.connect(address) as other:
            one.root.total = 7
            assert other.root.total == expected


class Host:
    """Knows who is there."""

    def __init__(self):
        self.guests = []

    def on_connect(self, conn):
        self.guests.append(conn)

    def on_disconnect(self, conn):
        self.guests.remove(conn)

    @sinew.expose
    def count(self):
        return len(self.guests)


def test_an_object_is_told_who_comes_and_goes(served):
    host = Host()
    address = served(host)
    with sinew.connect(address) as one:
        assert one.root.count() == 1
        with sinew.connect(address) as other:
            assert other.root.count() == 2
            assert host.guests[0] is not host.guests[1]
        eventually(lambda: one.root.count() == 1)
        with pytest.raises(AttributeError):
            one.root.on_connect  # noqa: B018 - asked for
    eventually(lambda: not host.guests)


def test_a_class_is_told_of_its_own_client(served):
    address = served(Host)
    with sinew.connect(address) as one, sinew.connect(address) as other:
        assert one.root.count() == 1
        assert other.root.count() == 1


def test_a_unix_socket(served, tmp_path):
    with sinew.connect(served(Calculator(), f"unix://{tmp_path}/calc.sock")) as conn:
        assert conn.root.add("a", "b") == "ab"


def test_a_classic_server_offers_its_interpreter(served):
    from sinew.rpyc import SlaveService  # noqa: PLC0415 - only where ours is built

    with sinew.connect(served(SlaveService)) as conn:
        conn.execute("answer = 6 * 7")
        assert conn.eval("answer") == 42
        assert conn.namespace["answer"] == 42
        assert conn.modules.os.path.join("a", "b") == "a/b"
        assert conn.builtins.len([1, 2]) == 2


def test_an_object_that_exposes_nothing_is_refused():
    with pytest.raises(TypeError, match="exposes nothing"):
        sinew.serve(object())


@pytest.mark.parametrize("thing", [18861, "tcp://127.0.0.1"])
def test_an_address_in_the_place_of_the_object_is_refused(thing):
    with pytest.raises(TypeError, match=r"nothing to serve.*sinew\.serve\("):
        sinew.start_server(thing)


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("dispacher", "did you mean 'dispatcher'"),
        ("certfil", "did you mean 'certfile'"),
        ("protocol_configuration", "did you mean 'protocol_config'"),
        ("xyz", "there are: .*authenticator, .*token"),
    ],
)
def test_an_option_that_does_not_exist_is_refused_with_the_one_that_does(option, meant):
    with pytest.raises(TypeError, match=f"no option '{option}': {meant}"):
        sinew.start_server(Calculator(), "tcp://127.0.0.1", **{option: None})


def test_the_text_of_servers_and_connections_names_their_ends():
    server = sinew.start_server(Calculator(), "tcp://127.0.0.1")
    place = server.address.removeprefix("tcp://")
    assert repr(server) == f"<sinew.Server of CALCULATOR at tcp://{place}>"
    conn = sinew.connect(server.address)
    assert re.fullmatch(rf"<sinew\.Connection 'conn\d+' 127\.0\.0\.1:\d+ -> {place}>", repr(conn))
    conn.close()
    assert repr(conn).endswith(", closed>")
    server.close()
    assert repr(server) == "<sinew.Server of CALCULATOR closed>"


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("http://here", "scheme"),
        ("tcp://", "no host"),
        ("tcp://here:port", "port"),
        ("tcp://here:70000", "port"),
        ("tcp://[::1:5", "bracket"),
        ("tcp://[::1]5", "bracket"),
        ("tcp://[here]:5", "bracket"),
        ("tcp://::1", "bracket"),
        ("tcp://here:1:2", "bracket"),
        ("tcp://here:", "port"),
        ("tcp://here:-1", "port"),
        ("tcp://he re:1", "no host"),
        ("tcp://me@here:1", "no host"),
        ("tcp://here/there:1", "no host"),
        ("", "no host"),
        ("18812", "a port without a host"),
        ("tcp://18812", "a port without a host"),
        ("unix://", "path"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused(uri, complaint):
    with pytest.raises(ValueError, match=f"{complaint}.*write tcp://"):
        sinew.connect(uri)


def test_a_server_without_a_port_has_a_free_one_and_prints_it(capfd):
    arguments = (Calculator(), "tcp://127.0.0.1")
    threading.Thread(target=sinew.serve, args=arguments, daemon=True).start()
    place = re.compile(r"at (tcp://127\.0\.0\.1:\d+), Ctrl-C ends")
    found = eventually(lambda: place.search(capfd.readouterr().err))
    with sinew.connect(found[1]) as conn:
        assert conn.root.add(1, 2) == 3


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_server_is_started_beside_the_program(kind, tmp_path):
    uri = "tcp://127.0.0.1" if kind == "tcp" else f"unix://{tmp_path}/calc.sock"
    with sinew.start_server(Calculator(), uri) as server:
        assert re.fullmatch(re.escape(uri) + (r":\d+" if kind == "tcp" else ""), server.address)
        conn = sinew.connect(server.address)  # clients can connect at once
        assert conn.root.add(1, 2) == 3
    with pytest.raises(OSError):
        sinew.connect(server.address)
    with pytest.raises(EOFError):
        conn.root.add(1, 2)


def test_what_is_wrong_with_a_server_is_raised_where_it_is_started(served):
    uri = served(Calculator())
    with pytest.raises(OSError, match=f"cannot listen at {uri}"):
        sinew.start_server(Calculator(), uri)
    with pytest.raises(PermissionError, match="token"):
        sinew.start_server(Calculator(), "tcp://0.0.0.0")


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_taken_address_stands_in_the_error(kind, served, tmp_path):
    uri = served(Calculator(), f"unix://{tmp_path}/s" if kind == "unix" else "tcp://127.0.0.1:0")
    with pytest.raises(OSError, match=re.escape(f"cannot listen at {uri}: Address already in use")):
        sinew.serve(Calculator(), uri)


def test_nobody_at_the_address():
    with pytest.raises(OSError, match="refused"):
        sinew.connect("tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("unix:///nowhere/to/be/found.sock", FileNotFoundError),
        ("tcp://nowhere.invalid:1", OSError),
        ("tcp://127.0.0.1:1", ConnectionRefusedError),
    ],
)
def test_an_address_where_nobody_is_stands_in_the_error(uri, kind):
    with pytest.raises(kind, match=re.escape(uri)):
        sinew.connect(uri)


@pytest.mark.parametrize("arguments", [("localhost", 18812), (("localhost", 18812),)])
def test_a_host_and_a_port_are_not_an_address(arguments):
    with pytest.raises(TypeError, match="tcp://localhost:18812"):
        sinew.connect(*arguments)


def test_looking_at_an_object_shows_what_it_exposes_and_its_documentation(served):
    with sinew.connect(served(Calculator())) as conn:
        assert sorted(dir(conn.root)) == ["add", "name", "total"]
        assert conn.root.__doc__ == "Adds things up."
        text = pydoc.render_doc(conn.root, renderer=pydoc.plaintext)
        assert "Calculator" in text
        assert "Return the sum." in text
        assert "secret" not in text
        assert "_Exposed" not in text
        assert "on_connect" not in text


@pytest.mark.parametrize(
    "use",
    [
        lambda conn: conn.modules.os,
        lambda conn: conn.builtins,
        lambda conn: conn.eval("1"),
        lambda conn: conn.execute("1"),
        lambda conn: conn.namespace,
    ],
)
def test_a_server_that_is_not_classic_says_so_and_how_to_start_one(served, use):
    with sinew.connect(served(Calculator())) as conn:
        with pytest.raises(AttributeError, match=r"not a classic server.*`sinew classic`"):
            use(conn)
        assert conn.root.add(1, 2) == 3


def test_an_error_of_what_is_evaluated_is_not_taken_for_that(served):
    from sinew.rpyc import SlaveService  # noqa: PLC0415 - only where ours is built

    with (
        sinew.connect(served(SlaveService)) as conn,
        pytest.raises(AttributeError, match="nothing"),
    ):
        conn.eval("object().nothing")


def test_fetching_an_object_without_leave_to_unpickle_names_the_line_to_add(served):
    from sinew.rpyc import SlaveService, classic  # noqa: PLC0415 - only where ours is built

    address = served(SlaveService)
    line = re.escape('config={"allow_pickle": True}')
    with sinew.connect(address) as conn, pytest.raises(ValueError, match=line):
        classic.obtain(conn.eval("[1, 2]"))
    with sinew.connect(address, config={"allow_pickle": True}) as conn:
        assert classic.obtain(conn.eval("[1, 2]")) == [1, 2]


def test_a_misspelt_key_of_the_configuration_is_refused_with_the_nearest(served):
    with pytest.raises(ValueError, match=r"'alow_pickle'.*did you mean 'allow_pickle'"):
        sinew.connect(served(Calculator()), config={"alow_pickle": True})
    with pytest.raises(ValueError, match="'sync_timeout' is no key"):
        sinew.connect("tcp://127.0.0.1:1", config={"sync_timeout": 1})
    with pytest.raises(ValueError, match=r"'allow_all_attr'.*did you mean 'allow_all_attrs'"):
        sinew.serve(Calculator(), protocol_config={"allow_all_attr": True})
