"""Objects whose every special method can be told from what it returns."""


class Full:
    """Answers each operator with its name and what it was given.

    In the result of an in-place operator the object itself comes back.
    """

    def __init__(self, value=5):
        self.value = value
        self.seen = []

    def __bool__(self):
        return self.value != 0

    def __len__(self):
        return self.value

    def __length_hint__(self):
        return 11

    def __getitem__(self, key):
        return ("getitem", key)

    def __setitem__(self, key, value):
        self.seen.append(("setitem", key, value))

    def __delitem__(self, key):
        self.seen.append(("delitem", key))

    def __contains__(self, item):
        return item == self.value

    def __iter__(self):
        return iter((1, 2, self.value))

    def __reversed__(self):
        return iter((self.value, 2, 1))

    def __call__(self, *args, **kwargs):
        return ("call", args, tuple(sorted(kwargs.items())))

    def __int__(self):
        return 41

    def __float__(self):
        return 4.5

    def __complex__(self):
        return 1 + 2j

    def __index__(self):
        return 3

    def __bytes__(self):
        return b"bytes"

    def __fspath__(self):
        return "/full"

    def __round__(self, digits=None):
        return ("round", digits)

    def __trunc__(self):
        return 40

    def __floor__(self):
        return 39

    def __ceil__(self):
        return 42

    def __format__(self, spec):
        return f"<{spec}>"

    def __repr__(self):
        return "Full()"

    def __str__(self):
        return "full"

    def __hash__(self):
        return 12345

    def __dir__(self):
        return ["value", "seen", "extra"]

    def __neg__(self):
        return "neg"

    def __pos__(self):
        return "pos"

    def __abs__(self):
        return "abs"

    def __invert__(self):
        return "invert"

    def __eq__(self, other):
        return other == self.value

    def __ne__(self, other):
        return other != self.value

    def __lt__(self, other):
        return ("lt", other)

    def __le__(self, other):
        return ("le", other)

    def __gt__(self, other):
        return ("gt", other)

    def __ge__(self, other):
        return ("ge", other)


BINARY = (
    "add",
    "sub",
    "mul",
    "matmul",
    "truediv",
    "floordiv",
    "mod",
    "divmod",
    "pow",
    "lshift",
    "rshift",
    "and",
    "or",
    "xor",
)


def _binary(name):
    def method(self, other):
        return (name, other)

    method.__name__ = f"__{name}__"
    return method


def _in_place(name):
    def method(self, other):
        self.seen.append((name, other))
        return self

    method.__name__ = f"__{name}__"
    return method


for _name in BINARY:
    setattr(Full, f"__{_name}__", _binary(_name))
    setattr(Full, f"__r{_name}__", _binary(f"r{_name}"))
    if _name != "divmod":
        setattr(Full, f"__i{_name}__", _in_place(f"i{_name}"))


class Bare:
    """Documented, and has no special method of its own."""

    attribute = "of the class"

    def __init__(self):
        self.value = 1

    def method(self, first, *rest, key="default", **more):
        """Return the arguments."""
        return (first, rest, key, tuple(sorted(more.items())))

    @property
    def computed(self):
        return self.value * 10

    @property
    def failing(self):
        raise LookupError("no value")

    @classmethod
    def of_class(cls):
        return cls.__name__

    @staticmethod
    def static(value):
        return value + 1


class Managed:
    """A context manager that keeps what happened to it."""

    def __init__(self, swallow=False):
        self.swallow = swallow
        self.entered = self.exits = 0
        self.exit_type = None

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, kind, value, traceback):
        self.exits += 1
        self.exit_type = kind and kind.__name__
        return self.swallow


class Slotted:
    """No `__dict__`, no weak references."""

    __slots__ = ("x",)

    def __init__(self):
        self.x = 1


class OnlyLess:
    """Has an order by one method: Python asks the other operand for the rest."""

    def __init__(self, value):
        self.value = value

    def __lt__(self, other):
        return self.value < other.value


class OnlyAtMost:
    """The same with the order's other method."""

    def __init__(self, value):
        self.value = value

    def __le__(self, other):
        return self.value <= other.value


class ListChild(list):
    """A list that is not exactly a list."""


class Meta(type):
    def __len__(cls):
        return 77

    def of_meta(cls):
        return "of meta"


class WithMeta(metaclass=Meta):
    pass


def numbers(limit):
    """Generate 0 .. limit-1."""
    yield from range(limit)


def failing_generator():
    yield 1
    raise KeyError("second")


def echo_generator():
    received = yield "ready"
    while received is not None:
        received = yield ("echo", received)


CLOSED = []


def closing_generator():
    try:
        yield 1
        yield 2
    finally:
        CLOSED.append("closed")
