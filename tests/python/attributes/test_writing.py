"""Setting and deleting attributes, and objects that decide for themselves."""

import pytest

from harness.combos import with_pure

pytestmark = with_pure

SERVICE = "policy:boxes"


@pytest.mark.parametrize("config", [{}, {"allow_all_attrs": True}, {"allow_public_attrs": True}])
def test_setting_and_deleting_are_refused_unless_switched_on(connect, config):
    remote = connect(SERVICE, server_config=config).root.box()
    with pytest.raises(AttributeError, match="cannot access"):
        remote.public = "changed"
    with pytest.raises(AttributeError, match="cannot access"):
        del remote.public


def test_setting_changes_the_remote_object(connect):
    conn = connect(SERVICE, server_config={"allow_all_attrs": True, "allow_setattr": True})
    remote = conn.root.box()
    remote.fresh = "new"
    assert remote.fresh == "new"
    assert conn.root.local_value("fresh") == "new"


def test_deleting_changes_the_remote_object(connect):
    conn = connect(
        SERVICE,
        server_config={"allow_all_attrs": True, "allow_setattr": True, "allow_delattr": True},
    )
    remote = conn.root.box()
    remote.fresh = 1
    del remote.fresh
    assert conn.root.local_value("fresh") is None
    with pytest.raises(AttributeError):
        del remote.fresh


def test_setting_respects_the_kinds_of_attributes(connect):
    remote = connect(
        SERVICE, server_config={"allow_public_attrs": True, "allow_setattr": True}
    ).root.box()
    remote.public = "changed"
    assert remote.public == "changed"
    with pytest.raises(AttributeError):
        remote._private = "changed"


def test_setting_by_the_short_name_sets_the_exposed_attribute(connect):
    conn = connect(SERVICE, server_config={"allow_setattr": True})
    remote = conn.root.box()
    remote.open = "shut"
    assert conn.root.local_value("exposed_open") == "shut"
    assert conn.root.local_value("open") is None


def test_an_attribute_can_hold_an_object_of_the_client(connect):
    conn = connect(SERVICE, server_config={"allow_all_attrs": True, "allow_setattr": True})
    remote = conn.root.box()
    mine = ["client's list"]
    remote.held = mine
    assert remote.held is mine
    del mine, remote


def test_a_service_refuses_to_be_changed_even_with_everything_allowed(connect):
    conn = connect(
        SERVICE,
        server_config={"allow_all_attrs": True, "allow_setattr": True, "allow_delattr": True},
    )
    with pytest.raises(AttributeError, match="access denied"):
        conn.root.anything = 1
    with pytest.raises(AttributeError, match="access denied"):
        del conn.root.exposed_box


def test_an_object_with_hooks_decides_alone(connect):
    hooked = connect(SERVICE).root.hook()
    assert hooked.anything() == ("got", "anything")
    assert hooked._even_private() == ("got", "_even_private")
    hooked.colour = "blue"
    del hooked.colour
    assert hooked.log() == (("set", "colour", "blue"), ("del", "colour"))


def test_a_hook_may_refuse_with_its_own_words(connect):
    hooked = connect(SERVICE).root.hook()
    with pytest.raises(AttributeError, match="hook says no"):
        _ = hooked.forbidden


def test_hooks_work_when_the_switches_are_off(connect):
    conn = connect(SERVICE)
    hooked, configure = conn.root.hook(), conn.root.configure
    configure("allow_getattr", False)
    assert hooked.anything() == ("got", "anything")
    hooked.colour = 1


def test_a_restricted_view_shows_the_named_attributes_only(connect):
    view = connect(SERVICE).root.restricted(("readable", "double"))
    assert view.readable == 1
    assert view.double() == 2
    with pytest.raises(AttributeError):
        _ = view.hidden
    with pytest.raises(AttributeError):
        _ = view.writable


def test_a_restricted_view_refuses_writing_by_default_what_it_does_not_show(connect):
    view = connect(SERVICE).root.restricted(("readable",))
    with pytest.raises(AttributeError):
        view.hidden = 9


def test_without_a_write_list_the_readable_attributes_are_writable(connect):
    conn = connect(SERVICE)
    view = conn.root.restricted(("readable",))
    view.readable = 50
    assert conn.root.inner_value("readable") == 50


def test_a_restricted_view_with_a_write_list(connect):
    conn = connect(SERVICE)
    view = conn.root.restricted(("readable", "writable"), ("writable",))
    view.writable = 20
    assert conn.root.inner_value("writable") == 20
    with pytest.raises(AttributeError):
        view.readable = 10
