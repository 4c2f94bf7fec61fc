"""Classic mode: connecting to slaves, and moving data between the two interpreters."""

import os
import pickle
import sys
from contextlib import contextmanager

from sinew.rpyc.core.consts import STREAM_CHUNK
from sinew.rpyc.core.service import ClassicService, MasterService, SlaveService
from sinew.rpyc.core.stream import SocketStream

from . import factory
from .helpers import restricted
from .transfer import (
    download,
    download_dir,
    download_file,
    upload,
    upload_dir,
    upload_file,
)

DEFAULT_SERVER_PORT = 18812
DEFAULT_SERVER_SSL_PORT = 18821

__all__ = [
    "DEFAULT_SERVER_PORT",
    "DEFAULT_SERVER_SSL_PORT",
    "MockClassicConnection",
    "connect",
    "connect_channel",
    "connect_multiprocess",
    "connect_pipes",
    "connect_stdpipes",
    "connect_stream",
    "connect_subproc",
    "connect_thread",
    "deliver",
    "download",
    "download_dir",
    "download_file",
    "interact",
    "obtain",
    "pm",
    "redirected_stdio",
    "ssh_connect",
    "ssl_connect",
    "teleport_function",
    "unix_connect",
    "upload",
    "upload_dir",
    "upload_file",
    "upload_module",
    "upload_package",
]


def connect_channel(channel):
    """Connect over a channel."""
    return factory.connect_channel(channel, ClassicService)


def connect_stream(stream):
    """Connect over a stream."""
    return factory.connect_stream(stream, ClassicService)


def connect_stdpipes():
    """Connect over standard input and output, which this program cannot use any more."""
    return factory.connect_stdpipes(ClassicService)


def connect_pipes(input, output):  # noqa: A002
    """Connect over two files, one to read from and one to write to."""
    return factory.connect_pipes(input, output, ClassicService)


def connect(host, port=DEFAULT_SERVER_PORT, ipv6=False, keepalive=False):
    """Connect to a classic server over TCP; OSError if there is none."""
    return factory.connect(host, port, ClassicService, ipv6=ipv6, keepalive=keepalive)


def ssl_connect(
    host,
    port=DEFAULT_SERVER_SSL_PORT,
    keyfile=None,
    certfile=None,
    ca_certs=None,
    cert_reqs=None,
    ssl_version=None,
    ciphers=None,
    ipv6=False,
    *,
    check_hostname=True,
):
    """Connect to a classic server over TLS; the rest is that of `factory.ssl_connect`."""
    return factory.ssl_connect(
        host,
        port,
        keyfile=keyfile,
        certfile=certfile,
        ca_certs=ca_certs,
        cert_reqs=cert_reqs,
        ssl_version=ssl_version,
        ciphers=ciphers,
        service=ClassicService,
        ipv6=ipv6,
        check_hostname=check_hostname,
    )


def ssh_connect(remote_machine, remote_port):
    """Connect to a classic server behind ssh; the rest is that of `factory.ssh_connect`."""
    return factory.ssh_connect(remote_machine, remote_port, ClassicService)


def unix_connect(path):
    """Connect to a classic server on a unix socket; OSError if there is none."""
    return connect_stream(SocketStream.unix_connect(path))


def connect_subproc(server_file=None):
    """Start a classic server as a child and connect over its standard input and output.

    `server_file` is a script with the options of `rpyc_classic`; ours when None.
    """
    program = [server_file] if server_file else ["-m", "sinew.rpyc.cli.rpyc_classic"]
    command = [sys.executable, "-u", *program, "-q", "-m", "stdio"]
    return factory.connect_subproc(command, ClassicService)


def connect_thread():
    """Connect to a classic server in a thread of this process."""
    return factory.connect_thread(ClassicService, remote_service=ClassicService)


def connect_multiprocess(args={}):  # noqa: B006 - stock's signature; only read
    """Connect to a classic server in a new process, whose namespace gets `args`."""
    return factory.connect_multiprocess(ClassicService, remote_service=SlaveService, args=args)


def upload_package(conn, module, remotepath=None, chunk_size=STREAM_CHUNK):
    """Upload the folder that holds a module to `remotepath`.

    By default that is a folder of the package's name among the peer's installed packages.
    """
    folder = os.path.dirname(os.path.abspath(module.__file__))
    if remotepath is None:
        installed = conn.modules.sysconfig.get_path("purelib")
        remotepath = conn.modules.os.path.join(installed, os.path.basename(folder))
    upload_dir(conn, folder, remotepath, chunk_size=chunk_size)


upload_module = upload_package


def obtain(proxy):
    """Return a local copy of a remote object, through pickle.

    Both sides must allow pickle: the peer to make the bytes, this side to trust them.
    """
    return pickle.loads(pickle.dumps(proxy))  # noqa: S301


def deliver(conn, localobj):
    """Make a copy of a local object on the other side, through pickle; return the netref of it."""
    remote_pickle = conn.modules["rpyc.lib.compat"].pickle
    return remote_pickle.loads(pickle.dumps(localobj))


# What programs do with standard streams, without the buffer and the close below them.
_OF_FILES = frozenset(
    """
    encoding errors flush isatty newlines read readable readline readlines seekable writable write
    writelines
    """.split()
)


def _lent(conn, file):
    """Return what the peer is to use a file of ours by; it may do no more with it than that."""
    return file if conn._config.get("allow_all_attrs", True) else restricted(file, _OF_FILES, ())


@contextmanager
def redirected_stdio(conn):
    """Within the block, standard input, output and error of the peer are those of this side."""
    remote = conn.modules.sys
    names = ("stdin", "stdout", "stderr")
    original = [getattr(remote, name) for name in names]
    try:
        for name in names:
            setattr(remote, name, _lent(conn, getattr(sys, name)))
        yield
    finally:
        for name, file in zip(names, original, strict=True):
            setattr(remote, name, file)


def pm(conn):
    """Debug the last exception of the peer: `pdb.post_mortem` there, the keyboard here."""
    with redirected_stdio(conn):
        conn.modules.pdb.post_mortem(conn.root.getconn()._last_traceback)


def interact(conn, namespace=None):
    """Run an interactive interpreter on the peer, the keyboard and screen here.

    Its namespace is `namespace` and, as `conn`, the peer's connection.
    """
    namespace = dict(namespace or {}, conn=conn)
    with redirected_stdio(conn):
        conn.execute(
            "def _sinew_interact(namespace):\n import code\n code.interact(local=namespace)"
        )
        local = conn.builtins.dict(conn.builtins.dict(conn.namespace), **namespace)
        conn.namespace["_sinew_interact"](local)


def teleport_function(conn, func, globals=None, def_=True):  # noqa: A002
    """Send a function to the peer as bytecode; return the netref of the function there.

    `globals` is the dictionary of the peer that it sees, `conn.namespace` by default; with `def_`
    it is entered there. TypeError for a function that cannot be sent, or if the peer's Python has
    other bytecode.
    """
    from . import teleportation  # noqa: PLC0415

    exported = teleportation.export_function(func)
    teleportation.require_same_bytecode(conn)
    there = conn.modules["rpyc.utils.teleportation"]
    return there.import_function(exported, conn.namespace if globals is None else globals, def_)


class MockClassicConnection:
    """Has the attributes of a classic connection and works on this interpreter itself."""

    __module__ = "rpyc.utils.classic"

    def __init__(self):
        self._config = {}
        self.root = ClassicService()
        MasterService._install(self, self.root)
