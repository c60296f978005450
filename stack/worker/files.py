"""Files that the application answers with: sent beside the worker, which goes on to other requests.

A download lasts as long as its client likes. One thread for each worker sends all of them: the
kernel copies from the file to nginx, as much as there is room for, and the thread waits for
whichever has room next (sendfile(2), epoll(7)). Only a file that the application itself has opened
is sent, from its descriptor: there is no name that a client could have any part in.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import selectors
import socket
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .reports import told

# Bytes: what is shorter fits into nginx's hands at once, and is not worth a connection of its own.
SHORT = 1 << 20

# Bytes that are sent at a time, so that one fast client does not keep the others waiting.
PORTION = 1 << 20


class File:
    """What `wsgi.file_wrapper` makes of an open file (PEP 3333): its bytes in blocks."""

    def __init__(self, file: Any, block: int = 8192) -> None:
        """Take a file, or anything with read(); a block is so many bytes."""
        self.file = file
        self.block = max(block, 65536)

    def __iter__(self) -> Iterator[bytes]:
        """Give what is left of it."""
        return self

    def __next__(self) -> bytes:
        """Give the next block."""
        if block := self.file.read(self.block):
            return bytes(block)
        raise StopIteration

    def close(self) -> None:
        """Close it, if it can be closed."""
        if hasattr(self.file, "close"):
            self.file.close()

    def seekable(self) -> bool:
        """Say whether a part can be found without reading what comes before it."""
        ask = getattr(self.file, "seekable", None)
        return bool(ask()) if ask else hasattr(self.file, "seek")

    def seek(self, *place: int) -> Any:
        """Go to a place in it."""
        return self.file.seek(*place)

    def tell(self) -> Any:
        """Say where in it the next byte is."""
        return self.file.tell()


class Part(NamedTuple):
    """A part of a regular file."""

    descriptor: int
    offset: int
    length: int


def part(answer: object) -> Part | None:
    """Find out which part of which file an answer is; None where that cannot be said."""
    start, limit = None, None
    file = answer
    if not isinstance(file, File):
        # What Werkzeug answers a request for a range with, a class of its own.
        file = getattr(answer, "iterable", None)
        if not isinstance(file, File):
            return None
        start, limit = getattr(answer, "start_byte", None), getattr(answer, "byte_range", None)
        if start is None:
            return None
    plain = unwrapped(file.file)
    if plain is None:
        return None
    try:
        about = os.fstat(plain.fileno())
        offset = plain.tell() if start is None else start
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(about.st_mode):
        return None
    left = max(0, about.st_size - offset)
    return Part(plain.fileno(), offset, left if limit is None else min(left, limit))


def unwrapped(file: Any) -> Any:
    """Return what open() gives; others, as gzip's, have a descriptor too, but other bytes."""
    raw = getattr(file, "raw", file) if isinstance(file, io.BufferedReader) else file
    return file if isinstance(raw, io.FileIO) else None


class Sending:
    """A part of a file on its way."""

    def __init__(self, connection: socket.socket, part: Part, close: Callable[[], None]) -> None:
        """Take over a connection; close is called when all is sent, or nobody takes it."""
        self.connection = connection
        self.connection.setblocking(False)
        # Of our own: the application may close its file, and the number then be another one's.
        self.file = os.dup(part.descriptor)
        self.place, self.left = part.offset, part.length
        self.close = close

    def goes_on(self) -> bool:
        """Send what there is room for; say whether there is more to do."""
        size = min(self.left, PORTION)
        try:
            sent = os.sendfile(self.connection.fileno(), self.file, self.place, size)
        except BlockingIOError:
            return True
        except OSError:  # the client has left
            return False
        self.place += sent
        self.left -= sent
        # A file that has become shorter: nginx was told another length, and cuts the answer.
        return bool(sent and self.left)

    def end(self) -> None:
        """Close both sides; what the application does then is its own matter, and ends no other."""
        self.connection.close()
        os.close(self.file)
        try:
            self.close()
        except Exception as error:
            print(told(error), end="", file=sys.stderr, flush=True)


class Sender:
    """The thread that sends files."""

    def __init__(self) -> None:
        """Start it: with the first file, since a thread does not survive the fork of a worker."""
        self.coming: deque[Sending] = deque()
        self.under_way = 0
        self.counting = threading.Lock()
        self.selector = selectors.DefaultSelector()
        self.bell, self.ear = socket.socketpair()
        for end in (self.bell, self.ear):
            end.setblocking(False)
        self.selector.register(self.ear, selectors.EVENT_READ)
        threading.Thread(target=self.work, name="files", daemon=True).start()
        self.pid = os.getpid()
        atexit.register(self.finish)

    def take(self, sending: Sending) -> None:
        """Send a part of a file from now on."""
        self.count(1)
        self.coming.append(sending)
        with contextlib.suppress(BlockingIOError):  # it has been rung often enough
            self.bell.send(b".")

    def count(self, more: int) -> None:
        """Change how many are under way."""
        with self.counting:
            self.under_way += more

    def work(self) -> None:
        """Send, for ever."""
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    self.ear.recv(4096)
                elif not key.data.goes_on():
                    self.selector.unregister(key.fileobj)
                    key.data.end()
                    self.count(-1)
            while self.coming:
                sending = self.coming.popleft()
                self.selector.register(sending.connection, selectors.EVENT_WRITE, sending)

    def finish(self) -> None:
        """Send what is under way, before a worker that is to be replaced ends, or is ended."""
        # In a child that the application has forked there is no such thread.
        while self.under_way and self.pid == os.getpid():
            time.sleep(0.05)


sender: Sender | None = None
making = threading.Lock()


def send(connection: socket.socket, part: Part, close: Callable[[], None]) -> None:
    """Send a part of a file without waiting for the client."""
    global sender
    with making:
        sender = sender or Sender()
    sender.take(Sending(connection, part, close))
