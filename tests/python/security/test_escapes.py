"""Row S13: ways out of what a service exposes. Each is a named attempt, and each is refused.

The corpus has what CVE-2019-16328 (attributes through requests that did not ask the policy) and
CVE-2024-27758 (`__array__` that unpickles) used, and what gets out of sandboxes of Python.
"""

import pickle

import pytest

import wire
from harness.combos import only
from peers.escapes import SECRET

pytestmark = only(client="ours", server="ours")

LENT = """box kind function method generator text error module list property meta builtin""".split()

# Names that lead from an object to its class, its code, its frames, other classes, or a pickle.
NAMES = """
__class__ __dict__ __globals__ __builtins__ __subclasses__ __mro__ __bases__ __base__ mro __init__
__reduce__ __reduce_ex__ __getstate__ __setstate__ __getnewargs__ __copy__ __deepcopy__
__getattribute__ __getattr__ __setattr__ __delattr__ __dir__ __sizeof__ __init_subclass__
__subclasshook__ __set_name__ __prepare__ __instancecheck__ __class_getitem__ __slots__ __weakref__
__code__ __closure__ __defaults__ __kwdefaults__ __func__ __self__ __wrapped__ __objclass__
__module__ __qualname__ __annotations__ __loader__ __spec__ __file__ __path__ __import__
__array__ __array_interface__ __array_struct__ __buffer__ __call__ __get__ __set__ __delete__
__traceback__ __cause__ __context__ tb_frame tb_next f_globals f_locals f_back f_builtins f_code
gi_frame gi_code gi_yieldfrom cr_frame ag_frame co_consts func_globals func_code im_func im_self
fget fset fdel format format_map __del__ __aenter__ __await__ with_traceback args
secret own_secret _private guarded method _rpyc_getattr _rpyc_setattr ____conn__ ____id_pack__
""".split()

# Ways to write a name that a policy and Python may read differently.
ODD_NAMES = [
    b"__class__",
    b"secret",
    "secret\0",
    "\0secret",
    " secret",
    "exposed_",
    "exposed_secret",
    "exposed_exposed_open\0",
    "__cla\N{SOFT HYPHEN}ss__",
    "\N{FULLWIDTH LOW LINE}_class__",
    "__class__.__mro__",
    "secret.upper",
    "",
    "x" * 10_000,
    5,
    None,
    (),
    ("__class__",),
    True,
]

GETATTR, DELATTR, SETATTR, CALLATTR, CMP, OLDSLICING = 4, 5, 6, 8, 11, 18
PICKLE, INSPECT, CTXEXIT, INSTANCECHECK, CALL = 14, 16, 20, 19, 7

ESCAPING_OPERATORS = """
__getattribute__ __setattr__ __delattr__ __init__ __class__ __reduce_ex__ __reduce__ __dict__
__subclasses__ mro __dir__ __init_subclass__ __call__ __array__ secret method guarded
""".split()


class Attempts:
    """Counts what was tried, and keeps what was not refused."""

    def __init__(self, conn):
        self._conn = conn
        self.count = 0
        self.successes = []

    def refused(self, name, handler, *arguments):
        self.count += 1
        try:
            result = self._conn.sync_request(handler, *arguments)
        except Exception as error:
            if SECRET in str(error.args):
                self.successes.append((name, "told in the error"))
        else:
            self.successes.append((name, type(result).__name__))


@pytest.fixture
def vault(connect):
    return connect("escapes:vault")


@pytest.fixture
def attempts(vault):
    """Attempts; at the end all were refused, nothing was touched, and the service is well."""
    made = Attempts(vault)
    touched = vault.root.touched()
    yield made
    assert made.successes == []
    assert vault.root.touched() == touched
    assert vault.root.add(1, 2) == 3


def targets(vault):
    yield "root", vault.root
    for name in LENT:
        yield name, vault.root.lend(name)


def test_what_is_exposed_works(vault):
    assert vault.root.add(1, 2) == 3
    assert vault.root.lend("box").open == "open"
    assert vault.root.lend("box").exposed_value == 1
    assert str(vault.root.lend("text")) == "{0.__class__}"


def test_the_requests_of_these_tests_are_well_formed(connect):
    """With a name that is allowed each works: what refuses the others is the policy."""
    conn = connect("escapes:vault", server_config={"allow_setattr": True, "allow_delattr": True})
    box = conn.root.lend("box")
    assert conn.sync_request(GETATTR, box, "value") == 1
    assert conn.sync_request(CALLATTR, conn.root, "add", (1, 2), ()) == 3
    assert conn.sync_request(CALL, conn.root.add, (1, 2), ()) == 3
    assert conn.sync_request(CMP, box, box, "__eq__") in (True, NotImplemented)
    conn.sync_request(SETATTR, box, "exposed_new", 5)
    assert conn.sync_request(GETATTR, box, "new") == 5
    conn.sync_request(DELATTR, box, "exposed_new")
    sliced = OLDSLICING, conn.root.lend("list"), "__getitem__", "__getslice__", 0, 1, ()
    assert list(conn.sync_request(*sliced)) == [1]


@pytest.mark.parametrize("handler", [GETATTR, CALLATTR, SETATTR, DELATTR])
def test_names_that_lead_out(vault, attempts, handler):
    extra = {GETATTR: (), CALLATTR: ((), ()), SETATTR: (1,), DELATTR: ()}[handler]
    for target, lent in targets(vault):
        for name in NAMES:
            attempts.refused(f"{handler}:{target}.{name}", handler, lent, name, *extra)
    assert attempts.count >= 200


@pytest.mark.parametrize("handler", [GETATTR, CALLATTR, SETATTR, DELATTR])
def test_names_that_are_written_oddly(vault, attempts, handler):
    extra = {GETATTR: (), CALLATTR: ((), ()), SETATTR: (1,), DELATTR: ()}[handler]
    for target, lent in targets(vault):
        for name in ODD_NAMES:
            attempts.refused(f"{handler}:{target}.{name!r}", handler, lent, name, *extra)


def test_what_is_exposed_for_reading_is_not_for_writing(vault, attempts):
    for name in ("open", "value", "exposed_open", "exposed_value", "__doc__", "__eq__", "__str__"):
        for target in ("box", "kind"):
            lent = vault.root.lend(target)
            attempts.refused(f"set {target}.{name}", SETATTR, lent, name, 1)
            attempts.refused(f"delete {target}.{name}", DELATTR, lent, name)
    for name in ("add", "exposed_add", "lend", "ALIASES", "on_connect", "_protocol"):
        attempts.refused(f"set root.{name}", SETATTR, vault.root, name, len)
        attempts.refused(f"delete root.{name}", DELATTR, vault.root, name)


def test_comparing_with_an_operator_that_is_none(vault, attempts):
    """CVE-2019-16328: the name of the operator did not pass the policy."""
    for target, lent in targets(vault):
        for name in ESCAPING_OPERATORS:
            attempts.refused(f"cmp {target} {name}", CMP, lent, "__class__", name)


def test_the_requests_that_look_names_up_by_themselves(vault, attempts):
    for target, lent in targets(vault):
        for name in ("__class__", "secret", "__reduce__", "method", "__getattribute__", "mro"):
            attempts.refused(
                f"slice {target} {name}", OLDSLICING, lent, name, "__getattribute__", 0, 1, ()
            )
        attempts.refused(f"pickle {target}", PICKLE, lent, 2)
        attempts.refused(f"exit {target}", CTXEXIT, lent, None)


def test_a_name_that_is_an_object_of_the_client(vault, attempts):
    """A str that says one thing when it is checked and another one when it is used."""

    class Turncoat(str):
        __slots__ = ()

        def __str__(self):
            return "secret"

        def startswith(self, *_):
            return True

        def __eq__(self, other):
            return True

        def __hash__(self):
            return hash("add")

    for target, lent in targets(vault):
        for handler in (GETATTR, DELATTR):
            attempts.refused(f"turncoat {target}", handler, lent, Turncoat("__class__"))
        attempts.refused(f"turncoat {target}", SETATTR, lent, Turncoat("add"), 1)


def test_calling_what_is_no_function_of_the_service(vault, attempts):
    for target in ("box", "generator", "text", "error", "module", "list", "property"):
        attempts.refused(f"call {target}", CALL, vault.root.lend(target), (), ())


def test_text_that_is_a_format_is_only_text(vault):
    """`str.format` reads attributes of its arguments; what is safe to call does not."""
    text = vault.root.lend("text")
    assert str(text) == "{0.__class__}"
    with pytest.raises((AttributeError, TypeError)):
        text.format(vault.root)
    with pytest.raises((ValueError, TypeError)):
        vault.sync_request(CALLATTR, text, "__format__", ("{0.__class__}",), ())


def test_attributes_of_the_connection_are_not_reached_through_what_is_lent(vault, attempts):
    for name in (
        "_config",
        "_local_objects",
        "_channel",
        "_local_root",
        "root",
        "close",
        "_handle_getattr",
    ):
        for handler in (GETATTR, CALLATTR):
            extra = ((), ()) if handler == CALLATTR else ()
            attempts.refused(f"root.{name}", handler, vault.root, name, *extra)


def evil_pickle(path):
    """Return a pickle that makes a file when it is loaded."""
    return b"cos\nsystem\n(S'touch " + str(path).encode() + b"'\ntR."


@pytest.mark.parametrize("method", ["array", "pickled"])
def test_a_server_that_converts_what_a_client_lent_unpickles_nothing(serve, tmp_path, method):
    """CVE-2024-27758: `numpy.array(netref)` loaded a pickle that the client had made."""
    if method == "array":
        pytest.importorskip("numpy")
    server, marker = serve("escapes:vault"), tmp_path / "owned"
    bomb = evil_pickle(marker)
    methods = ("__array__", "__reduce_ex__", "__reduce__", "__getstate__", "__copy__", "__len__")
    described = wire.boxed(tuple((name, "") for name in methods))
    with wire.Raw(server.port) as client:
        root = client.root()
        lent = (wire.REMOTE_REF, ("evil.Array", 7, 9))
        call = (wire.LOCAL_REF, root), wire.boxed(method), (wire.TUPLE, (lent,)), wire.boxed(())
        client.send(wire.request(1, CALLATTR, *call))
        asked = 0
        while True:
            kind, seq, body = client.reply()
            if kind != wire.REQUEST:
                break
            asked += 1
            answer = described if body[0] == INSPECT else wire.boxed(bomb)
            client.send(wire.frame(wire.message(wire.REPLY, seq, answer)))
        assert seq == 1
        assert asked > 0
        assert client.ask(2, wire.PING, wire.boxed("x"))[0] == wire.REPLY
    assert not marker.exists()


def test_the_bomb_of_that_test_works(tmp_path):
    pickle.loads(evil_pickle(tmp_path / "owned"))  # noqa: S301 - that is the point
    assert (tmp_path / "owned").exists()
