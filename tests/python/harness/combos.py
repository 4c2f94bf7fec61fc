"""Which implementation plays which role in a test, and the marks that narrow it."""

from dataclasses import dataclass

import pytest

from harness.impls import IMPLEMENTATIONS, OURS, PURE


@dataclass(frozen=True)
class Combo:
    """Who is the client and who is the server in one run of a test."""

    client: str
    server: str

    def __str__(self) -> str:
        return f"client={self.client}-server={self.server}"

    def matches(self, client: str | None, server: str | None) -> bool:
        """Tell whether both named roles are played by the named implementations."""
        return client in (None, self.client) and server in (None, self.server)


MARKS = (
    "combos(client=None, server=None): run only the combinations with these implementations",
    "with_pure: run also with the pure peer on either side, against each other implementation",
    "without_pure(reason): but not this test: what the pure peer leaves out",
    "pure_serves: run also with the pure peer as the server, our client where one is needed",
    "impls(*names): run a one-implementation test only for these implementations",
    "stock_bug(reason, client=None, server=None, stock=None, strict=True): a defect of stock",
    "not_yet(reason, client=None, server=None): what ours lacks still",
    "timeout(seconds): hard limit of one test, 30 seconds when absent",
)
ALL_COMBOS = tuple(Combo(c, s) for c in IMPLEMENTATIONS for s in IMPLEMENTATIONS)

only = pytest.mark.combos
PURE_COMBOS = (
    *(Combo(PURE, other) for other in IMPLEMENTATIONS),
    *(Combo(other, PURE) for other in IMPLEMENTATIONS),
)

with_pure = pytest.mark.with_pure
without_pure = pytest.mark.without_pure
pure_serves = pytest.mark.pure_serves
ours_only = pytest.mark.impls("ours")


def stock_bug(reason, *, client=None, server=None, stock=None, strict=True):
    """Expect failure where stock plays the named roles.

    `client="stock"` means every combination with a stock client, and so on; with both roles
    named, only the pair. `stock` limits the mark to one stock version. In a test of one
    implementation name neither role.
    """
    return pytest.mark.stock_bug(reason, client=client, server=server, stock=stock, strict=strict)


def not_yet(reason, *, client=None, server=None):
    """Expect failure where ours plays the named roles: what stock can do and we cannot, so far.

    Once it can be done the test fails for passing, and the mark is taken away.
    """
    return pytest.mark.not_yet(reason, client=client, server=server)


def chosen_combos(metafunc):
    """Return the combinations that the marks of a test function leave."""
    combos = ALL_COMBOS
    markers = {mark.name for mark in metafunc.definition.iter_markers()}
    if "with_pure" in markers and "without_pure" not in markers:
        combos += PURE_COMBOS
    for mark in metafunc.definition.iter_markers("combos"):
        combos = [
            c for c in combos if c.matches(mark.kwargs.get("client"), mark.kwargs.get("server"))
        ]
    if "pure_serves" in markers:
        combos = [*combos, Combo(OURS, PURE)]
    return list(combos)


def chosen_impls(metafunc):
    """Return the implementations that the marks of a one-implementation test leave."""
    for mark in metafunc.definition.iter_markers("impls"):
        return list(mark.args)
    return list(IMPLEMENTATIONS)


def may_meet(implementation):
    """Return what tells whether it plays a part in a test, or may do so unseen from here."""
    return lambda item: implementation in _players(item, implementation)


def meets_only(implementation):
    """Return what tells whether nobody else plays a part in a test, as far as is seen here."""
    return lambda item: set(_players(item, implementation)) == {implementation}


def _players(item, by_default):
    params = getattr(getattr(item, "callspec", None), "params", {})
    if "combo" in params:
        return params["combo"].client, params["combo"].server
    return (params.get("impl", by_default),)


def expect_failures(item, stock_version):
    """Turn the `stock_bug` and `not_yet` marks of a collected test into xfail where they apply."""
    for mark in item.iter_markers("stock_bug"):
        if mark.kwargs["stock"] in (None, stock_version) and _plays(item, "stock", mark):
            item.add_marker(
                pytest.mark.xfail(reason=f"stock: {mark.args[0]}", strict=mark.kwargs["strict"])
            )
    for mark in item.iter_markers("not_yet"):
        if _plays(item, "ours", mark):
            item.add_marker(pytest.mark.xfail(reason=f"not yet: {mark.args[0]}", strict=True))


def _plays(item, implementation, mark):
    """Tell whether an implementation plays in this test the roles that the mark names."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    if "combo" in params:
        return params["combo"].matches(mark.kwargs["client"], mark.kwargs["server"])
    return params.get("impl") == implementation
