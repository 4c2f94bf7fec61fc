"""Peers of different wire families: they work together, or the error says what to do."""

import pytest

from harness.combos import only


@only(client="ours")
def test_the_family_can_be_chosen(serve, rpyc, client_config, stock_version, combo):
    server = serve("admission:visitors")
    families = {"B", "C"}  # our server answers in the family of the client
    if combo.server == "stock":
        families = {"B" if stock_version[0] == "5" else "C"}
    for family in families:
        with rpyc.connect("127.0.0.1", server.port, config={"wire_family": family}) as conn:
            assert conn.root.add(1, 2) == 3


@only(client="ours", server="stock")
def test_the_wrong_family_gives_an_error_that_names_the_option(serve, rpyc, stock_version):
    server = serve("admission:visitors")
    wrong = "C" if stock_version[0] == "5" else "B"
    conn = rpyc.connect("127.0.0.1", server.port, config={"wire_family": wrong})
    with pytest.raises(Exception, match="wire_family"):
        conn.root.add(1, 2)


@only(client="ours")
def test_an_unknown_family_is_refused(serve, rpyc):
    server = serve("admission:visitors")
    with pytest.raises(ValueError, match="wire_family"):
        rpyc.connect("127.0.0.1", server.port, config={"wire_family": "Z"})
