"""Which attributes a client may read under each switch of the configuration."""

import pytest

from harness.combos import with_pure

pytestmark = with_pure

SERVICE = "policy:boxes"


def box(connect, **config):
    conn = connect(SERVICE, server_config=config)
    return conn, conn.root.box()


def test_an_exposed_attribute_is_read_by_its_full_and_its_short_name(connect):
    _, remote = box(connect)
    assert remote.exposed_open == "open"
    assert remote.open == "open"


def test_an_exposed_method_takes_positional_and_keyword_arguments(connect):
    _, remote = box(connect)
    assert remote.greet() == "hello you"
    assert remote.greet("Ann") == "hello Ann"
    assert remote.exposed_greet(name="Bob") == "hello Bob"


def test_the_exposed_twin_wins_over_the_plain_attribute(connect):
    _, remote = box(connect)
    assert remote.twice == "exposed twin"


def test_with_all_attributes_allowed_the_plain_attribute_wins(connect):
    _, remote = box(connect, allow_all_attrs=True)
    assert remote.twice == "plain twin"
    assert remote.exposed_twice == "exposed twin"


@pytest.mark.parametrize("name", ["public", "_private", "__custom__", "method", "nothing"])
def test_the_default_refuses_what_is_not_exposed(connect, name):
    _, remote = box(connect)
    with pytest.raises(AttributeError, match=f"cannot access '{name}'"):
        getattr(remote, name)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("public", True),
        ("method", True),
        ("_private", False),
        ("__custom__", False),
    ],
)
def test_public_attributes_are_those_without_a_leading_underscore(connect, name, allowed):
    _, remote = box(connect, allow_public_attrs=True)
    if allowed:
        assert getattr(remote, name)
    else:
        with pytest.raises(AttributeError):
            getattr(remote, name)


@pytest.mark.parametrize("name", ["public", "_private", "__custom__", "open", "twice"])
def test_all_attributes_includes_private_ones(connect, name):
    _, remote = box(connect, allow_all_attrs=True)
    assert getattr(remote, name)


def test_safe_attributes_work_by_default(connect):
    _, remote = box(connect)
    assert len(remote) == 7


def test_without_safe_attributes_special_methods_are_refused(connect):
    _, remote = box(connect, allow_safe_attrs=False)
    with pytest.raises(AttributeError, match="__len__"):
        len(remote)


def test_a_special_method_outside_the_safe_list_is_refused(connect):
    _, remote = box(connect)
    with pytest.raises(AttributeError, match="__matmul__"):
        remote @ 1


def test_the_safe_list_can_be_replaced(connect):
    _, remote = box(connect, safe_attrs=["__matmul__"])
    assert remote @ 1 == "matmul"
    with pytest.raises(AttributeError):
        len(remote)


def test_without_exposed_attributes_the_prefix_means_nothing(connect):
    """The service itself follows the policy, so the switch is turned after the box is here."""
    conn, remote = box(connect)
    configure = conn.root.configure
    configure("allow_exposed_attrs", False)
    with pytest.raises(AttributeError):
        _ = remote.open
    with pytest.raises(AttributeError):
        _ = remote.exposed_open


def test_an_exposed_prefix_of_ones_own(connect):
    conn, _ = box(connect)
    renamed = conn.root.renamed()
    configure = conn.root.configure
    configure("exposed_prefix", "shown_")
    assert renamed.colour == "red"
    assert renamed.shown_colour == "red"
    for name in ("size", "exposed_size", "plain"):
        with pytest.raises(AttributeError):
            getattr(renamed, name)


def test_reading_can_be_switched_off_altogether(connect):
    conn, remote = box(connect)
    configure = conn.root.configure
    configure("allow_getattr", False)
    with pytest.raises(AttributeError, match="cannot access"):
        _ = remote.open
    with pytest.raises(AttributeError):
        len(remote)
    configure("allow_getattr", True)
    assert remote.open == "open"


def test_calling_is_not_subject_to_the_policy(connect):
    """Stock never checks a call of an object the peer holds, so neither may we by default."""
    _, remote = box(connect, allow_safe_attrs=False)
    assert remote() == "called"
    assert isinstance(repr(remote), str)
    assert isinstance(str(remote), str)
    assert isinstance(hash(remote), int)
    assert "public" in dir(remote)


def test_comparison_follows_the_policy(connect):
    _, remote = box(connect, allow_safe_attrs=False)
    with pytest.raises(AttributeError, match="__eq__"):
        _ = remote == 3


def test_the_policy_may_change_while_the_connection_lives(connect):
    conn, remote = box(connect)
    with pytest.raises(AttributeError):
        _ = remote.public
    conn.root.configure("allow_public_attrs", True)
    assert remote.public == "public"
    conn.root.configure("allow_public_attrs", False)
    with pytest.raises(AttributeError):
        _ = remote.public
    conn.root.allow_also("public")
    assert remote.public == "public"


def test_a_missing_attribute_fails_where_it_is_read(connect):
    _, remote = box(connect, allow_all_attrs=True)
    with pytest.raises(AttributeError, match="nothing"):
        _ = remote.nothing
    assert not hasattr(remote, "nothing")
    assert getattr(remote, "nothing", "default") == "default"


def test_members_of_the_service_follow_the_same_rules(connect):
    conn, _ = box(connect)
    assert conn.root.attribute == "class attribute"
    with pytest.raises(AttributeError):
        _ = conn.root.not_exposed
    with pytest.raises(AttributeError):
        _ = conn.root.conn


def test_the_configuration_of_the_client_does_not_open_the_server(connect):
    conn = connect(SERVICE, config={"allow_all_attrs": True})
    with pytest.raises(AttributeError):
        _ = conn.root.box().public
