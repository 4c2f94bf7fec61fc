"""The connection: two sides that may ask each other, over one stream.

The engine's `Connection` encodes, sends, waits and serves. This class adds what a connection is
to Python: its configuration, its root and how it ends. Its methods that serve requests are in
`requests`, those for messages in `messages`; where a program puts its own in their place, the
engine calls those.
"""

import itertools
import sys

from sinew import _sinew
from sinew._sinew import AsyncResult
from sinew.rpyc.lib.hurry import patience

from . import consts, netref, vinegar
from .async_ import AsyncResultTimeout
from .config import DEFAULT_CONFIG, LiveConfig, warn_of_misspelt
from .private import ViewedConnection
from .tables import Handlers

__all__ = ["DEFAULT_CONFIG", "AsyncResult", "AsyncResultTimeout", "Connection", "PingError"]

UNBOUND_THREAD_ID = 0
maxint = sys.maxsize

_connection_id = itertools.count(1)


class PingError(Exception):
    """The answer to a ping was not what was sent."""

    __module__ = "rpyc.core.protocol"


_CLOSED_HERE = "closed by this side"


class Connection(ViewedConnection):
    """A connection to a peer: `root` is what the peer offers, `root` here is what we offer.

    `root` is the service, `channel` what it runs over, and `config` is laid over DEFAULT_CONFIG.
    Used as a context manager, it is closed at the end. May be shared between threads.
    """

    __module__ = "rpyc.core.protocol"
    __dict__ = _sinew.Connection._vars  # which notices who asks for it
    _dispatcher = None  # where requests run; None: on the thread that reads them
    _cooperator = None  # who waits in a program whose threads are greenlets

    def __init__(self, root, channel, config={}):  # noqa: B006 - stock's signature; only read
        self._closed = True  # until there is something to close
        self._config = config
        if not config.keys() <= DEFAULT_CONFIG.keys():
            warn_of_misspelt(config)
        if self._config["connid"] is None:
            self._config["connid"] = f"conn{next(_connection_id)}"
        self._local_root = root
        self._channel = channel
        self._remote_root = None
        self._last_traceback = None
        self._callbacks = {}  # of requests that are sent by `_async_request`, by their numbers
        self._handlers = None
        self._end_reason = None
        self._attach(channel)
        own = type(self)._request_handlers.__func__
        if own is not Connection._request_handlers.__func__:
            self._handlers = Handlers(self, self._request_handlers())
        self._dispatcher = self._config["dispatcher"]
        if self._dispatcher is not None:
            self._use_dispatcher()
        self._closed = False

    def _attach(self, channel):
        """Have the engine take the stream over: its descriptor where that is all there is to it."""
        from .channel import PacketStream, has_own_packets  # noqa: PLC0415
        from .stream import PipeStream, is_as_made  # noqa: PLC0415

        own = has_own_packets(channel)
        stream = PacketStream(channel) if own else getattr(channel, "stream", channel)
        if not is_as_made(stream):
            self._attach_stream(stream)
        elif not isinstance(stream, PipeStream) and _is_plain_socket(stream.sock):
            self._attach_socket(stream.fileno())
        elif not isinstance(stream, PipeStream) and hasattr(stream.sock, "tls_stream"):
            self._attach_tls(stream.sock.tls_stream)
        elif not isinstance(stream, PipeStream) and _is_ssl_socket(stream.sock):
            self._attach_ssl_socket(stream.sock)
        elif isinstance(stream, PipeStream):
            self._attach_pipes(stream.incoming.fileno(), stream.outgoing.fileno())
        else:
            self._attach_stream(stream)
            return
        import socket  # noqa: PLC0415

        if socket.socket.__module__ != "socket":  # gevent's: threads are greenlets
            from .cooperation import Cooperator  # noqa: PLC0415

            self._cooperator = Cooperator(self, stream)
            self._set_cooperator(self._cooperator)

    def _use_dispatcher(self):
        """Have the requests of the peer run where the configuration says."""
        if self._cooperator is not None:
            raise TypeError("a dispatcher needs threads, and gevent has made them greenlets")
        self._set_dispatcher(self._dispatcher)

    # -- life ---------------------------------------------------------------------------------

    def __enter__(self):
        return self

    def __exit__(self, t, v, tb):
        self.close()

    def __del__(self):
        if not getattr(self, "_closed", True):
            self._finish("the connection object was dropped")

    def __repr__(self):
        kind, name = type(self), self._config["connid"]
        return f"<{kind.__module__}.{kind.__name__} {name!r} object at {id(self):#x}>"

    @property
    def extensions(self):
        """What was agreed on with the peer beyond RPyC: a set of names, empty with a stock peer.

        It is agreed on behind the first request. The names are in `docs/protocols/extensions.md`.
        """
        return self._extensions()

    @property
    def closed(self):
        """Whether the connection has ended, here or at the peer."""
        return self._closed or self._dead

    def close(self):
        """End the connection: tell the peer, and call the service's `on_disconnect`.

        Errors of the farewell are swallowed where the peer is gone already, others only with
        `close_catchall`.
        """
        if self._closed:
            return
        try:
            before_closed = self._config["before_closed"]
            if before_closed is not None and not self._dead:
                before_closed(self.root)
            if not self._dead:
                self._say_farewell()
        except (EOFError, TimeoutError):
            pass
        except Exception:
            if not self._config["close_catchall"]:
                raise
        finally:
            self._finish(_CLOSED_HERE)

    def _say_farewell(self):
        # The peer does not answer: it closes the stream. Waiting for that lets it serve what was
        # sent before.
        self._expect_end(_CLOSED_HERE)
        limit = patience(self._config["close_timeout"])
        self.async_request(consts.HANDLE_CLOSE, timeout=limit).wait()

    def _closed_by_peer(self):
        """Serve the peer's farewell."""
        self._finish("closed by the peer")

    def _finish(self, reason):
        """End the connection without a word to the peer."""
        if self._closed:
            return
        self._end_reason = reason
        try:
            self._cleanup()
        finally:
            Connection._cleanup(self)  # whatever a method in its place has left undone

    def _cleanup(self, _anyway=True):
        """End the connection without a word to the peer, and call `on_disconnect`."""
        if self._closed:
            return
        self._closed = True
        self._end(self._end_reason or "cleaned up")
        self._callbacks.clear()
        if self._cooperator is not None:
            self._cooperator.stop()
        self._remote_root = None
        self._last_traceback = None  # its frames hold the connection, and that its descriptor
        try:
            self._channel.close()
        finally:
            root, self._local_root = self._local_root, None
            if root is not None and hasattr(root, "on_disconnect"):
                self._tell(root.on_disconnect)

    def _tell(self, method):
        """Call `on_disconnect` where requests run; here if nothing runs there any more."""
        if self._dispatcher is not None and not self._dispatcher.is_here:
            try:
                return self._dispatcher.submit(lambda: self._logging(method, self))
            except Exception:
                pass  # closed
        return method(self)

    def _logging(self, function, *args):
        """Call a function where nobody would catch what it raises."""
        try:
            function(*args)
        except Exception:
            logger = self._config["logger"]
            if logger is not None:
                logger.exception("error while the connection was closed")

    def _close_in_turn(self):
        """End a connection that is not read any more, after what the peer has asked for."""
        if self._dispatcher is None:
            self.close()
        else:
            self._when_settled(lambda: self._logging(self.close))

    # -- asking -------------------------------------------------------------------------------

    @property
    def root(self):
        """What the peer offers; asked for once."""
        if self._remote_root is None:
            self._remote_root = self.sync_request(consts.HANDLE_GETROOT)
        return self._remote_root

    def ping(self, data=None, timeout=3):
        """Have the peer send `data` back; PingError if it comes back different.

        AsyncResultTimeout if it takes longer than `timeout` seconds.
        """
        if data is None:
            data = "abcdefghijklmnopqrstuvwxyz" * 20
        answer = self.async_request(consts.HANDLE_PING, data, timeout=timeout)
        if answer.value != data:
            raise PingError("echo mismatches sent data")

    # -- serving ------------------------------------------------------------------------------

    def fileno(self):
        """Return the descriptor to wait on for messages; EOFError once the connection has ended."""
        return self._channel.fileno()

    def poll(self, timeout=0):
        """Handle one message if one comes within `timeout` seconds and nobody else is reading."""
        return self.serve(timeout, False)

    def serve_all(self):
        """Serve the peer until the connection ends."""
        try:
            self._serve_quietly()
        finally:
            self._close_in_turn()

    def serve_threaded(self, thread_count=10):
        """Serve the peer with several threads until the connection ends."""
        from sinew.rpyc.lib import spawn  # noqa: PLC0415

        threads = [spawn(self._serve_quietly) for _ in range(thread_count)]
        try:
            for thread in threads:
                thread.join()
        finally:
            self._close_in_turn()

    def _serve_quietly(self):
        try:
            if self._overrides(("serve",)):
                while not self.closed:
                    self.serve(None)
            else:
                self._serve_forever()
        except EOFError:
            pass

    def poll_all(self, timeout=0):
        """Handle messages for `timeout` seconds, at least what is there; tell whether any came."""
        from sinew.rpyc.lib import Timeout  # noqa: PLC0415

        limit = Timeout(timeout)
        any_came = False
        try:
            while self.poll(limit.timeleft()):
                any_came = True
                if limit.expired():
                    break
        except EOFError:
            pass
        return any_came

    # -- what the engine asks Python for ------------------------------------------------------

    def _netref_class(self, id_pack):
        """Return the netref class for an object of a class that has not been met before."""
        name, _, instance_id = id_pack
        if name in netref.builtin_classes_cache:
            if instance_id:
                return netref.builtin_classes_cache[name]
            return netref.known_class_object(name)
        return netref.class_factory(id_pack, self.sync_request(consts.HANDLE_INSPECT, id_pack))

    def _live_config(self, values):
        """Return what stands for `values`, which `_config` is being set to."""
        return LiveConfig(self, {**DEFAULT_CONFIG, **values})

    def _answer_error(self, typ, val, tb):
        """Note an exception of a request and describe it for the peer; None: raise it here."""
        config = self._config
        if not self._closed:
            self._last_traceback = tb
        logger = config["logger"]
        if logger is not None and typ is not StopIteration:
            logger.debug("Exception caught", exc_info=(typ, val, tb))
        if typ is SystemExit and config["propagate_SystemExit_locally"]:
            return None
        if typ is KeyboardInterrupt and config["propagate_KeyboardInterrupt_locally"]:
            return None
        return self._box_exc(typ, val, tb)

    def _box_exc(self, typ, val, tb):
        """Describe an exception for the peer."""
        config = self._config
        return vinegar.dump(
            typ, val, tb, config["include_local_traceback"], config["include_local_version"]
        )

    def _unbox_exc(self, raw):
        """Return the exception that the peer described."""
        config = self._config
        return vinegar.load(
            raw,
            import_custom_exceptions=config["import_custom_exceptions"],
            instantiate_custom_exceptions=config["instantiate_custom_exceptions"],
            instantiate_oldstyle_exceptions=config["instantiate_oldstyle_exceptions"],
        )

    def _require_unpickling(self):
        """Refuse to unpickle what the peer made, unless our own configuration allows it."""
        if not self._config["allow_pickle"]:
            raise ValueError(
                "unpickling is disabled: the peer would run code here. If you trust it, allow it "
                'on this side, too: connect(..., config={"allow_pickle": True})'
            )

    @property
    def _HANDLERS(self):  # noqa: N802 - stock's name
        """What serves the requests, by number; may be changed."""
        if self._handlers is None:
            self._handlers = Handlers(self, self._request_handlers())
        return self._handlers

    @_HANDLERS.setter
    def _HANDLERS(self, functions):  # noqa: N802
        self._handlers = Handlers(self, functions)


_sinew.set_overridable(Connection)


def _is_ssl_socket(sock):
    """Tell whether it is a socket of Python's own ssl, and not of what gevent puts in its place."""
    ssl = sys.modules.get("ssl")
    kind = getattr(ssl, "SSLSocket", None)
    return kind is not None and kind.__module__ == "ssl" and isinstance(sock, kind)


def _is_plain_socket(sock):
    """Tell whether reading the descriptor is reading the socket: no TLS, no gevent, no tunnel."""
    import socket  # noqa: PLC0415

    return type(sock) is socket.socket
