"""The configuration of a connection: its keys, its defaults, where it comes from."""

import pytest

from harness.combos import ours_only
from harness.impls import submodule

DEFAULTS = {
    "allow_safe_attrs": True,
    "allow_exposed_attrs": True,
    "allow_public_attrs": False,
    "allow_all_attrs": False,
    "exposed_prefix": "exposed_",
    "allow_getattr": True,
    "allow_setattr": False,
    "allow_delattr": False,
    "allow_pickle": False,
    "include_local_traceback": True,
    "include_local_version": True,
    "instantiate_custom_exceptions": False,
    "import_custom_exceptions": False,
    "instantiate_oldstyle_exceptions": False,
    "propagate_SystemExit_locally": False,
    "propagate_KeyboardInterrupt_locally": True,
    "log_exceptions": True,
    "logger": None,
    "connid": None,
    "credentials": None,
    "endpoints": None,
    "sync_request_timeout": 30,
    "before_closed": None,
    "close_catchall": False,
    "bind_threads": False,
}

SAFE = """
abs add and bool cmp contains delitem delslice div divmod doc enter eq exit float floordiv format
ge getitem getslice gt hash hex iadd iand idiv ifloordiv ilshift imod imul index int invert ior
ipow irshift isub iter itruediv ixor le len length_hint long lshift lt mod mul ne neg new next
nonzero oct or pos pow radd rand rdiv rdivmod repr rfloordiv rlshift rmod rmul ror rpow rrshift
rshift rsub rtruediv rxor setitem setslice str sub truediv xor
"""


@pytest.fixture
def defaults(lib):
    return submodule(lib, "core.protocol").DEFAULT_CONFIG


@pytest.mark.parametrize("key", DEFAULTS)
def test_each_key_has_the_default_of_stock(defaults, key):
    assert defaults[key] == DEFAULTS[key]


def test_the_names_of_safe_attributes(defaults):
    assert set(defaults["safe_attrs"]) == {f"__{name}__" for name in SAFE.split()} | {"next"}


def test_each_connection_copies_the_defaults(lib, defaults):
    with lib.connect_thread() as first, lib.connect_thread() as second:
        first._config["sync_request_timeout"] = 5
        assert second._config["sync_request_timeout"] == 30
        assert defaults["sync_request_timeout"] == 30


def test_changed_defaults_are_those_of_later_connections(lib, defaults, monkeypatch):
    monkeypatch.setitem(defaults, "sync_request_timeout", 77)
    with lib.connect_thread() as conn:
        assert conn._config["sync_request_timeout"] == 77


def test_given_settings_win_over_the_defaults(lib):
    given = {"sync_request_timeout": 5, "connid": "named", "of_my_own": object()}
    with lib.connect_thread(config=given) as conn:
        assert conn._config["sync_request_timeout"] == 5
        assert conn._config["connid"] == "named"
        assert conn._config["of_my_own"] is given["of_my_own"]


def test_the_given_dictionary_is_not_changed(lib):
    given = {"allow_public_attrs": True}
    with lib.connect_thread(config=given):
        assert given == {"allow_public_attrs": True}


def test_a_service_may_set_the_configuration_when_it_connects(lib):
    class Opening(lib.Service):
        plain = "open"

        def on_connect(self, conn):
            conn._config["allow_public_attrs"] = True

    with lib.connect_thread(remote_service=Opening) as conn:
        assert conn.root.plain == "open"


def test_the_settings_of_a_slave(lib):
    with submodule(lib, "utils.classic").connect_thread() as conn:
        for key in (
            "allow_all_attrs",
            "allow_pickle",
            "allow_getattr",
            "allow_setattr",
            "allow_delattr",
            "import_custom_exceptions",
            "instantiate_custom_exceptions",
        ):
            assert conn._config[key] is True, key
        assert conn._config["allow_exposed_attrs"] is False


@pytest.mark.parametrize("timeout", [None, 5])
def test_errors_while_closing_are_swallowed_only_if_asked(lib, timeout):
    def fail(root):
        raise LookupError("before closing")

    conn = lib.connect_thread(config={"before_closed": fail, "close_catchall": True})
    conn.close()
    conn = lib.connect_thread(config={"before_closed": fail})
    with pytest.raises(LookupError):
        conn.close()
    assert conn.closed


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("size", [10, 2999, 3001, 64_000, 1_000_000])
def test_messages_of_every_size_with_and_without_compression(connect, compress, size):
    conn = connect("gates:gates")
    conn._channel.compress = compress
    echo = conn.root.echo
    assert echo(b"a" * size) == b"a" * size
    assert len(echo("\u00e9" * size)) == size


def test_the_attributes_of_the_channel_are_those_of_stock(lib):
    channel = submodule(lib, "core.channel").Channel
    assert (channel.COMPRESSION_THRESHOLD, channel.COMPRESSION_LEVEL) == (3000, 1)
    assert channel.FLUSHER == b"\n"
    assert channel.FRAME_HEADER.size == 5
    assert submodule(lib, "core.stream").SocketStream.MAX_IO_CHUNK == 64000


@ours_only
def test_a_key_that_looks_misspelt_is_warned_of(lib):
    with pytest.warns(UserWarning, match=r"'allow_pickel'.*did you mean 'allow_pickle'"):
        lib.connect_thread(config={"allow_pickel": True}).close()


def test_a_key_of_the_programs_own_may_be_in_the_configuration(lib, recwarn):
    with lib.connect_thread(config={"laboratory": "east"}) as conn:
        assert conn._config["laboratory"] == "east"
        conn.ping()
    assert not [warning for warning in recwarn if "laboratory" in str(warning.message)]


@ours_only
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sync_request_timeout", "soon"),
        ("exposed_prefix", 5),
        ("max_depth", "deep"),
        ("max_frame_size", 1.5),
        ("extensions", 5),
        ("wire_family", 6),
    ],
)
def test_an_error_about_a_value_names_its_key(lib, key, value):
    with pytest.raises((TypeError, ValueError), match=key):
        lib.connect_thread(config={key: value}).root  # noqa: B018
