"""What the clients of the soak do: the calls that real programs make, each result checked.

A step returns how many calls it has made: what the program has written as a call, or as an access
to an attribute, and what was called back. What these become on the wire is not counted.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

BLOB = bytes(range(250)) * 40  # 10 kB
TEXT = "the quick brown fox " * 5


class Stage:
    """What the steps of one thread share: a connection, dice, objects that are kept a while."""

    def __init__(
        self, rpyc: Any, conn: Any, port: int, dice: random.Random, most_held: int
    ) -> None:
        self.rpyc, self.conn, self.port, self.dice = rpyc, conn, port, dice
        self.most_held = most_held
        self.root = conn.root
        self.is_stock = rpyc.__name__ == "rpyc"
        self.held: list[Any] = []

    def forget(self) -> None:
        self.held.clear()
        self.root = self.conn = None


class Own:
    """Lent to the server."""

    def __init__(self, number: int) -> None:
        self.exposed_number = number


def connect(rpyc: Any, port: int) -> Any:
    return rpyc.connect("127.0.0.1", port)


def call_with_numbers(stage: Stage) -> int:
    for number in range(8):
        assert stage.root.add(number, 2**70) == number + 2**70
        assert stage.root.add(number, 1) == number + 1
    return 16


def call_with_text(stage: Stage) -> int:
    for _ in range(8):
        assert stage.root.upper(TEXT) == TEXT.upper()
    return 8


def send_bytes(stage: Stage) -> int:
    for _ in range(4):
        assert stage.root.reverse(BLOB) == BLOB[::-1]
    return 4


def read_attributes(stage: Stage) -> int:
    for _ in range(8):
        assert stage.root.version == "soak 1"
    return 8


def be_called_back(stage: Stage) -> int:
    for number in range(4):
        assert stage.root.apply(lambda value: value * 2, number) == number * 2 + 1
    return 8


def fail(stage: Stage) -> int:
    for number in range(4):
        caught: tuple[Any, ...] = ()
        try:
            stage.root.fail(f"number {number}")
        except ValueError as error:
            caught = error.args
        assert caught == (f"number {number}",)
    return 4


def fail_in_a_callback(stage: Stage) -> int:
    def refuse(value: int) -> int:
        raise KeyError(value)

    try:
        stage.root.apply(refuse, 7)
    except KeyError:
        return 2
    raise AssertionError("no exception")


def call_asynchronously(stage: Stage) -> int:
    add = stage.rpyc.async_(stage.root.add)
    results = [add(number, 1) for number in range(16)]
    assert [result.value for result in results] == list(range(1, 17))
    return 16


def leave_results_alone(stage: Stage) -> int:
    items = stage.rpyc.async_(stage.root.items)
    results = [items(2) for _ in range(4)]
    results[-1].wait()
    return 4


def borrow(stage: Stage) -> int:
    items = stage.root.items(12)
    assert [item.number for item in items] == list(range(12))
    assert items[3].next().number == 4
    stage.held.append(items[0])
    del stage.held[: -stage.most_held]
    return 15


def lend(stage: Stage) -> int:
    own = Own(stage.dice.randrange(1000))
    stage.root.keep(own)
    # Another thread of this connection may have lent a newer one since.
    assert 0 <= stage.root.newest() < 1000
    return 3


def use_a_dict(stage: Stage) -> int:
    table = stage.root.table()
    table["c"] = 3
    assert (len(table), table["a"], "b" in table, table["c"]) == (3, 1, True, 3)
    return 6


def iterate(stage: Stage) -> int:
    assert sum(stage.root.numbers(30)) == 435
    assert sum(stage.rpyc.buffiter(stage.root.numbers(30))) == 435
    return 2


def come_and_go(stage: Stage) -> int:
    with contextlib.closing(connect(stage.rpyc, stage.port)) as conn:
        assert conn.root.add(1, 2) == 3
        conn.root.keep(Own(5))
        conn.ping()
    return 3


def give_up(stage: Stage) -> int:
    """The call is stopped at the server; stock's clients would leave it running."""
    if stage.is_stock:
        return 0
    from sinew import deadline  # noqa: PLC0415 - not in stock's process

    try:
        with deadline(0.03):
            stage.root.wait(5)
    except TimeoutError:
        return 1
    raise AssertionError("waited for five seconds")


# How often each is done, for every so many of the others.
STEPS: dict[Callable[[Stage], int], int] = {
    call_with_numbers: 30,
    call_with_text: 20,
    send_bytes: 20,
    read_attributes: 20,
    be_called_back: 20,
    fail: 10,
    fail_in_a_callback: 5,
    call_asynchronously: 20,
    leave_results_alone: 4,
    borrow: 20,
    lend: 20,
    use_a_dict: 10,
    iterate: 6,
    come_and_go: 4,
    give_up: 1,
}


def choose(stage: Stage) -> Callable[[Stage], int]:
    return stage.dice.choices(list(STEPS), list(STEPS.values()))[0]
