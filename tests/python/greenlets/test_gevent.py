"""Programs that called `gevent.monkey.patch_all()`: all waiting is gevent's."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.combos import only, ours_only, stock_bug
from harness.sanitizing import tell_of_switched_stacks

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gevent") is None, reason="gevent is not installed"
)
CLIENT = Path(__file__).with_name("client.py")


@pytest.fixture(autouse=True)
def _switched_stacks(monkeypatch):
    tell_of_switched_stacks(monkeypatch)


@pytest.fixture(params=["GeventServer", "ThreadedServer", "ThreadPoolServer"])
def kind(request):
    """The kind of the server."""
    return request.param


@pytest.fixture
def run(serve, combo, client_config, stock_version):
    """A function that runs a scenario of the client against a server with greenlets."""

    def run_scenario(name, server="GeventServer"):
        place = serve("greenlets:greenlets", server=server, gevent=True)
        done = subprocess.run(
            [
                *(sys.executable, str(CLIENT), combo.client, stock_version),
                *(str(place.port), json.dumps(client_config), name),
            ],
            capture_output=True,
            text=True,
            timeout=25,
            check=False,
        )
        assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr

    return run_scenario


@pytest.mark.parametrize(
    "name",
    [
        "others_go_on_while_a_call_waits",
        "a_callback_may_wait_and_call",
        "a_call_expires",
        "results_come_later",
        "much_data_goes_both_ways",
        "a_background_thread_serves",
        "imported_before_the_patches",
    ],
)
def test_a_program_with_greenlets(run, name):
    run(name)


def test_many_wait_at_once(run, kind):
    run("fifty_connections_wait_at_once", kind)


def test_greenlets_may_share_a_connection(run):
    run("many_share_a_connection")


@stock_bug("who waits is not told", client="stock", strict=False)
def test_closing_a_connection_ends_the_waits_of_other_greenlets(run):
    run("closing_ends_the_waits_of_others")


def test_a_program_with_greenlets_serves_itself(run):
    run("threads_and_servers_of_its_own")


@only(client="ours", server="ours")
def test_a_child_on_pipes_holds_nobody_up(run):
    run("a_child_on_pipes_holds_nobody_up")


@ours_only
def test_the_gevent_server_wants_the_patches(lib):
    with pytest.raises(RuntimeError, match="patch_all"):
        lib.utils.server.GeventServer(lib.VoidService)
