"""Options and fixtures of the behaviour tests; what they mean is in README.md."""

import contextlib
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import certificates, combos, impls
from harness.limit import HardLimit
from harness.peer import Servers
from harness.presence import require
from harness.soaking import Soak


def pytest_addoption(parser):
    parser.addoption(
        "--stock",
        choices=impls.STOCK_VERSIONS,
        default=impls.DEFAULT_STOCK,
        help="version of the stock RPyC that plays the other role",
    )
    parser.addoption(
        "--meeting-stock",
        action="store_true",
        help="leave out the runs of a test that no stock RPyC plays a part in",
    )
    parser.addoption(
        "--ours",
        choices=("either", "both"),
        help="only those runs of a test in which ours plays either role, or both",
    )
    parser.addoption(
        "--soak",
        type=float,
        default=0,
        metavar="MINUTES",
        help="run the tests marked `soak` in their long form, that long altogether",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: has a long form, which ./dev soak runs")
    config.figures = []
    for mark in combos.MARKS:
        config.addinivalue_line("markers", mark)
    impls.select_stock(config.getoption("--stock"))
    config.hard_limit = HardLimit()


def pytest_generate_tests(metafunc):
    if "combo" in metafunc.fixturenames:
        metafunc.parametrize("combo", combos.chosen_combos(metafunc), ids=str)
    elif "impl" in metafunc.fixturenames:
        metafunc.parametrize("impl", combos.chosen_impls(metafunc), ids=lambda i: f"impl={i}")


def pytest_collection_modifyitems(config, items):
    wanted = []
    if config.getoption("--meeting-stock"):
        wanted.append(combos.may_meet(impls.STOCK))
    if "SINEW_SANITIZER" in os.environ:  # what it finds in others is not ours to mend
        wanted.append(combos.may_meet(impls.OURS))
    if config.getoption("--ours"):
        choose = {"either": combos.may_meet, "both": combos.meets_only}
        wanted.append(choose[config.getoption("--ours")](impls.OURS))
    kept = [item for item in items if all(suits(item) for suits in wanted)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept
    for item in items:
        combos.expect_failures(item, config.getoption("--stock"))


def _within_the_hard_limit(item):
    with item.config.hard_limit.around(item):
        return (yield)


# One for each phase, not one around all of them: a test that is run again has its time again.
pytest_runtest_setup = pytest.hookimpl(wrapper=True)(_within_the_hard_limit)
pytest_runtest_call = pytest.hookimpl(wrapper=True)(_within_the_hard_limit)
pytest_runtest_teardown = pytest.hookimpl(wrapper=True)(_within_the_hard_limit)


@pytest.fixture
def soak(pytestconfig):
    """How long the test is to be: a `harness.soaking.Soak`."""
    return Soak(pytestconfig.getoption("--soak"), pytestconfig.figures)


def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("--soak"):
        terminalreporter.section("figures")
        for line in config.figures:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The certificates of this run; server processes find them, too."""
    folder = tmp_path_factory.mktemp("certificates")
    os.environ[certificates.VARIABLE] = str(folder)
    return certificates.Certificates(folder).make()


@pytest.fixture(scope="session")
def stock_version(pytestconfig):
    """The version of the stock implementation in this run: "6.0.2" or "5.3.1"."""
    return pytestconfig.getoption("--stock")


@pytest.fixture(scope="module")
def servers(request):
    """The server processes of one test module."""
    pool = Servers()
    expiry = request.config.hard_limit.on_expiry
    expiry.append(pool.dump_stacks)
    yield pool
    expiry.remove(pool.dump_stacks)
    pool.stop()


@pytest.fixture
def rpyc(combo):
    """The package that plays the client in this run of a test."""
    require(combo.client, combo.server)
    return impls.load(combo.client)


@pytest.fixture
def lib(impl):
    """The package under test, for tests where both ends are in this process."""
    require(impl)
    return impls.load(impl)


@pytest.fixture
def server_impl(combo, stock_version):
    """What `peers/serve.py` calls the server of this run."""
    if combo.server == impls.STOCK and stock_version != impls.DEFAULT_STOCK:
        return f"stock-{stock_version}"
    return combo.server


@pytest.fixture
def serve(rpyc, servers, server_impl):
    """A function `serve(service, fresh=False, **settings) -> ServerProcess`.

    `service` is MODULE:FUNCTION within peers; `settings` are those of ServerProcess. Without
    `fresh`, tests of one module that ask for the same share the process.
    """

    def start(service, *, fresh=False, **settings):
        get = servers.fresh if fresh else servers.get
        return get(server_impl, service, **settings)

    return start


@pytest.fixture
def client_config(combo, stock_version):
    """What a client must add to its config to speak with the server of this run."""
    if combo.client != impls.STOCK and combo.server == impls.STOCK and stock_version[0] == "5":
        return {"wire_family": "B"}
    return {}


@pytest.fixture
def connect_to(rpyc, client_config):
    """A function `connect_to(server, config=None, service=None) -> Connection`."""
    with contextlib.ExitStack() as opened:

        def connect(server, *, config=None, service=None):
            extra = {} if service is None else {"service": service}
            conn = rpyc.connect(
                "127.0.0.1", server.port, config={**client_config, **(config or {})}, **extra
            )
            opened.callback(close_quietly, conn)
            return conn

        yield connect


def close_quietly(conn):
    """Close a connection whose peer may be gone."""
    with contextlib.suppress(Exception):
        conn._config["sync_request_timeout"] = 2  # the server may be busy for ever
        conn.close()


@pytest.fixture
def connect(serve, connect_to):
    """A function that starts (or finds) a server and connects to it.

    `connect(service, config=..., server_config=..., client_service=..., fresh=..., **settings)`.
    """

    def connect_service(
        name, *, config=None, server_config=None, client_service=None, fresh=False, **settings
    ):
        server = serve(name, fresh=fresh, config=server_config or {}, **settings)
        return connect_to(server, config=config, service=client_service)

    return connect_service


@pytest.fixture
def classic(connect, rpyc):
    """A classic connection: both sides serve the whole interpreter."""
    return connect("classic:slave", client_service=rpyc.ClassicService)
