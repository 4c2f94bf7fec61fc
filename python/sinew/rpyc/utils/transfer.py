"""Copying files between the two sides of a classic connection.

Pieces are read and written by position, several at a time, so that a copy is not held up by a round
trip for each of them, and their order does not matter. Files without positions (pipes, devices),
and peers without `os.pread`, are copied piece by piece.
"""

import os
import stat
from collections import deque
from contextlib import closing, contextmanager

from sinew.rpyc.core.consts import STREAM_CHUNK

from .helpers import async_

# Measured against stock on loopback: smaller pieces cost round trips, while stock needs quadratic
# time for larger ones.
_PIECE = 256 * 1024
_IN_FLIGHT = 8


def upload(conn, localpath, remotepath, filter=None, ignore_invalid=False, chunk_size=STREAM_CHUNK):  # noqa: A002
    """Copy a local file or folder to the peer.

    `filter(name)` decides which entries of folders are copied. ValueError if `localpath` is neither
    file nor folder, unless `ignore_invalid`. `chunk_size` is the size of a piece; the default
    leaves it to us.
    """
    if os.path.isdir(localpath):
        upload_dir(conn, localpath, remotepath, filter, chunk_size)
    elif os.path.isfile(localpath):
        upload_file(conn, localpath, remotepath, chunk_size)
    elif not ignore_invalid:
        raise ValueError(f"cannot upload {localpath!r}: neither a file nor a folder")


def upload_dir(conn, localpath, remotepath, filter=None, chunk_size=STREAM_CHUNK):  # noqa: A002
    """Copy a local folder with all it holds to the peer, which makes missing folders."""
    conn.modules.os.makedirs(remotepath, exist_ok=True)
    join = conn.modules.os.path.join
    for name in os.listdir(localpath):
        if filter is None or filter(name):
            upload(
                conn,
                os.path.join(localpath, name),
                join(remotepath, name),
                filter,
                True,
                chunk_size,
            )


def upload_file(conn, localpath, remotepath, chunk_size=STREAM_CHUNK):
    """Copy a local file to the peer, where it replaces what is there."""
    with (
        open(localpath, "rb") as source,
        closing(conn.builtins.open(remotepath, "wb")) as target,
        _uncompressed(conn),
    ):
        write = _positional(conn, "pwrite", target)
        if write is None or not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            _copy_in_order(source, target, _piece(chunk_size))
        else:
            _send_pieces(source, write, target.fileno(), _piece(chunk_size))


def download(
    conn,
    remotepath,
    localpath,
    filter=None,  # noqa: A002
    ignore_invalid=False,
    chunk_size=STREAM_CHUNK,
):
    """Copy a file or folder of the peer to this side; otherwise like `upload`."""
    path = conn.modules.os.path
    if path.isdir(remotepath):
        download_dir(conn, remotepath, localpath, filter, chunk_size)
    elif path.isfile(remotepath):
        download_file(conn, remotepath, localpath, chunk_size)
    elif not ignore_invalid:
        raise ValueError(f"cannot download {remotepath!r}: neither a file nor a folder")


def download_dir(conn, remotepath, localpath, filter=None, chunk_size=STREAM_CHUNK):  # noqa: A002
    """Copy a folder of the peer with all it holds; missing local folders are made."""
    os.makedirs(localpath, exist_ok=True)
    join = conn.modules.os.path.join
    for name in _local_names(conn.modules.os.listdir(remotepath)):
        if filter is None or filter(name):
            download(
                conn,
                join(remotepath, name),
                os.path.join(localpath, name),
                filter,
                True,
                chunk_size,
            )


def download_file(conn, remotepath, localpath, chunk_size=STREAM_CHUNK):
    """Copy a file of the peer to this side, where it replaces what is there."""
    with (
        closing(conn.builtins.open(remotepath, "rb")) as source,
        open(localpath, "wb") as target,
        _uncompressed(conn),
    ):
        read = _positional(conn, "pread", source)
        if read is None:
            _copy_in_order(source, target, _piece(chunk_size))
        else:
            _fetch_pieces(read, source.fileno(), target, _piece(chunk_size))


def _local_names(names):
    """Return the entries of a remote folder, refusing a name that would leave the local one."""
    names = list(names)
    for name in names:
        if name != os.path.basename(name) or name in ("", os.curdir, os.pardir):
            raise ValueError(f"the peer lists an entry that is no file name: {name!r}")
    return names


def _piece(chunk_size):
    return _PIECE if chunk_size == STREAM_CHUNK else chunk_size


def _positional(conn, name, file):
    """Return the peer's `os.pread` or `os.pwrite`, asynchronous, or None if it cannot be used."""
    remote_os = conn.modules.os
    function = getattr(remote_os, name, None)
    if function is None or not stat.S_ISREG(remote_os.fstat(file.fileno()).st_mode):
        return None
    return async_(function)


def _copy_in_order(source, target, size):
    while True:
        data = source.read(size)
        if not data:
            return
        target.write(data)


def _send_pieces(source, write, descriptor, size):
    """Write the pieces of a local file at their places, `_IN_FLIGHT` of them at a time."""
    pending, position = deque(), 0
    while data := source.read(size):
        pending.append((write(descriptor, data, position), len(data)))
        position += len(data)
        if len(pending) == _IN_FLIGHT:
            _expect_written(*pending.popleft())
    for result, length in pending:
        _expect_written(result, length)


def _expect_written(result, length):
    written = result.value
    if written != length:
        raise OSError(f"the peer wrote {written} of {length} bytes")


def _fetch_pieces(read, descriptor, target, size):
    """Read a remote file up to its end, `_IN_FLIGHT` pieces at a time."""
    position = 0
    pending = deque()
    while True:
        while len(pending) < _IN_FLIGHT:
            pending.append(read(descriptor, size, position + size * len(pending)))
        data = pending.popleft().value
        target.write(data)
        position += len(data)
        if not data:
            break
        if len(data) < size:  # the end, or a short read: go on from there
            _settle(pending)
    _settle(pending)


def _settle(pending):
    """Wait for pieces that are not wanted any more, so that the file can be closed."""
    for result in pending:
        result.wait()
    pending.clear()


@contextmanager
def _uncompressed(conn):
    """Within the block neither side compresses, if the peer lets us change its connection.

    Stock compresses every larger message, which is slower than any network a file is worth
    compressing for.
    """
    channels = []
    try:
        for channel in (conn._channel, conn.root.getconn()._channel):
            channels.append((channel, channel.compress))
            channel.compress = False
    except (AttributeError, TypeError):  # a peer that is no slave, or a channel of another kind
        pass
    try:
        yield
    finally:
        if not conn.closed:
            for channel, compress in channels:
                channel.compress = compress
