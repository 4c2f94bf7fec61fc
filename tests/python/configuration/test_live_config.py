"""`conn._config` is read at each use: every way to change it counts at once."""

import gc

import pytest

from harness.combos import ours_only
from harness.impls import submodule


@pytest.fixture
def pair(lib):
    """The client of a service, and the server's end of the connection, whose rules change."""
    ends = []

    class Guarded(lib.Service):
        plain = "plain"

        def on_connect(self, conn):
            ends.append(conn)

    with lib.connect_thread(remote_service=Guarded) as client:
        client.ping()
        yield client, ends[0]


def allowed(client):
    """Tell whether the server's rules of this moment show a public attribute."""
    return hasattr(client.root, "plain")


OPENING = {
    "set an item": lambda config: config.__setitem__("allow_public_attrs", True),
    "update": lambda config: config.update(allow_public_attrs=True),
    "merge in place": lambda config: config.__ior__({"allow_public_attrs": True}),
}
CLOSING = {
    "set an item": lambda config: config.__setitem__("allow_public_attrs", False),
    "update": lambda config: config.update({"allow_public_attrs": False}),
}
# Stock knows its defaults only when it makes a connection.
REMOVING = {
    "delete": lambda config: config.__delitem__("allow_public_attrs"),
    "pop": lambda config: config.pop("allow_public_attrs"),
    "pop the last": lambda config: [config.popitem() for _ in range(len(config))],
    "clear": lambda config: config.clear(),
}


@pytest.mark.parametrize("opening", OPENING)
@pytest.mark.parametrize("closing", CLOSING)
def test_a_change_counts_at_once(pair, opening, closing):
    client, server = pair
    assert not allowed(client)
    OPENING[opening](server._config)
    assert allowed(client)
    CLOSING[closing](server._config)
    assert not allowed(client)


@ours_only
@pytest.mark.parametrize("removing", REMOVING)
def test_what_is_removed_has_its_default(pair, removing):
    client, server = pair
    server._config["allow_public_attrs"] = True
    assert allowed(client)
    REMOVING[removing](server._config)
    assert not allowed(client)
    assert client.root.get_service_name() == "GUARDED"
    assert server._config["exposed_prefix"] == "exposed_"
    with pytest.raises(KeyError):
        server._config["no such key"]


@ours_only
def test_setdefault_counts_at_once(pair):
    client, server = pair
    del server._config["allow_public_attrs"]
    assert not allowed(client)
    server._config.setdefault("allow_public_attrs", True)
    assert allowed(client)


def test_another_mapping_takes_its_place(pair):
    client, server = pair
    server._config = {**server._config, "allow_public_attrs": True}
    assert allowed(client)
    server._config["allow_public_attrs"] = False
    assert not allowed(client)


@ours_only
def test_a_mapping_that_is_assigned_is_copied_over_the_defaults(pair):
    client, server = pair
    mine = {"allow_public_attrs": True}
    server._config = mine
    assert allowed(client)
    assert mine == {"allow_public_attrs": True}
    assert server._config["sync_request_timeout"] == 30


@ours_only
@pytest.mark.parametrize("value", [None, 5, [("allow_public_attrs", True)], "text"])
def test_what_is_no_mapping_is_refused(pair, value):
    client, server = pair
    before = server._config
    with pytest.raises(TypeError, match="_config must be a dict"):
        server._config = value
    assert server._config is before
    assert not allowed(client)


@ours_only
def test_the_configuration_cannot_be_deleted(pair):
    client, server = pair
    with pytest.raises(TypeError, match="_config must be a dict"):
        del server._config
    server._settings_changed()
    assert not allowed(client)


class Trap:
    """A flag that changes the configuration while that is being read."""

    def __init__(self, config):
        self.config = config

    def __bool__(self):
        config, self.config = self.config, None
        if config is not None:
            config["allow_public_attrs"] = True
        return False


@ours_only
def test_a_change_while_the_configuration_is_read_is_not_lost(pair):
    """The trap is read after the flag that it changes."""
    client, server = pair
    server._config["allow_delattr"] = Trap(server._config)
    allowed(client)
    assert allowed(client)


@ours_only
def test_a_value_that_cannot_be_read_is_an_error_until_it_is_replaced(pair):
    class Unreadable:
        def __bool__(self):
            raise LookupError("neither yes nor no")

    client, server = pair
    server._config["allow_public_attrs"] = Unreadable()
    for _ in range(2):
        with pytest.raises(LookupError, match="neither yes nor no"):
            allowed(client)
    server._config["allow_public_attrs"] = True
    assert allowed(client)


@ours_only
def test_the_mapping_of_a_connection_that_is_gone_can_be_changed(lib):
    conn = lib.connect_thread()
    config = conn._config
    conn.close()
    del conn
    gc.collect()
    config["connid"] = "nobody's"
    config.clear()


@pytest.fixture
def echo(lib):
    """A connection to a service, whose handlers are replaced at the server's end."""
    consts = submodule(lib, "core.consts")
    ends = []

    class Silent(lib.Service):
        def on_connect(self, conn):
            ends.append(conn)

    with lib.connect_thread(remote_service=Silent) as client:
        client.ping()
        yield lambda value: client.sync_request(consts.HANDLE_PING, value), ends[0], 1


def reverse(conn, text):
    return text[::-1]


def merge(conn, number):
    conn._HANDLERS |= {number: reverse}


def assign(conn, number):
    conn._HANDLERS = {**conn._HANDLERS, number: reverse}


REPLACING = {
    "set an item": lambda conn, number: conn._HANDLERS.__setitem__(number, reverse),
    "update": lambda conn, number: conn._HANDLERS.update({number: reverse}),
    "merge in place": merge,
    "assign": assign,
}


@pytest.mark.parametrize("replacing", REPLACING)
def test_a_handler_is_replaced_by_every_way_to_change_a_mapping(echo, replacing):
    ask, server, ping = echo
    assert ask("abc") == "abc"
    REPLACING[replacing](server, ping)
    assert ask("abc") == "cba"


@pytest.mark.parametrize(
    "removing",
    [
        lambda handlers, number: handlers.__delitem__(number),
        lambda handlers, number: handlers.pop(number),
        lambda handlers, number: [handlers.popitem() for _ in range(len(handlers))],
        lambda handlers, number: handlers.clear(),
    ],
    ids=["delete", "pop", "pop the last", "clear"],
)
def test_a_request_whose_handler_is_removed_is_refused(echo, removing):
    ask, server, ping = echo
    originals = dict(server._HANDLERS)
    removing(server._HANDLERS, ping)
    with pytest.raises(KeyError):
        ask("abc")
    server._HANDLERS.update(originals)
    assert ask("abc") == "abc"


def test_a_program_may_serve_numbers_of_its_own(lib):
    def on_connect(self, conn):
        conn._HANDLERS[77] = lambda conn, value: value * 2

    service = type("Doubling", (lib.Service,), {"on_connect": on_connect})
    with lib.connect_thread(remote_service=service) as client:
        assert client.sync_request(77, 21) == 42
        with pytest.raises(KeyError):
            client.sync_request(78, 21)
