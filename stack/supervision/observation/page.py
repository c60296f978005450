"""What supervisord can be asked for over run/observed.sock: one HTTP request a connection.

nginx stands in front of it for scrapers, however slow, so that here only our own user connects.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

from supervisor.medusa import asyncore_25 as asyncore

REQUEST = re.compile(rb"GET (/\S*) HTTP/1\.[01]\r\n(?:.*\r\n)*\r\n")
LONGEST = 4096

# Connections at a time, and seconds after which one that says or takes nothing is closed.
MOST = 64
PATIENCE = 10

ANSWER = "HTTP/1.0 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"


class Server(asyncore.dispatcher):  # type: ignore[misc]  # supervisor has no types
    """Listens on a unix socket that only this user may connect to."""

    def __init__(self, path: Path, asked: Callable[[Conversation], None]) -> None:
        """Put a new socket in the place of what is there."""
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.relpath(path))  # a socket's path has 107 bytes at most
        path.chmod(0o600)
        listener.listen(MOST)
        super().__init__(listener)
        self.accepting, self.asked = True, asked
        self.open: set[Conversation] = set()

    def writable(self) -> bool:
        """Say that nothing is ever written to it."""
        return False

    def readable(self) -> bool:
        """Say whether there is room for one more."""
        return len(self.open) < MOST

    def handle_read_event(self) -> None:
        """Take a connection."""
        try:
            connection, _ = self.socket.accept()
        except OSError:  # it has gone again, or no descriptor is left
            return
        self.open.add(Conversation(self, connection))

    def tidy(self) -> None:
        """Close what has been silent for too long."""
        for each in [each for each in self.open if time.monotonic() - each.since > PATIENCE]:
            each.end()


class Conversation(asyncore.dispatcher):  # type: ignore[misc]
    """One connection: a request, and its answer."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        """Wait for a request."""
        super().__init__(connection)
        self.server, self.heard, self.unsaid = server, b"", b""
        self.since = time.monotonic()
        self.path = ""

    def readable(self) -> bool:
        """Say that a client that leaves is noticed."""
        return True

    def writable(self) -> bool:
        """Say whether something is left to say."""
        return bool(self.unsaid)

    def handle_read_event(self) -> None:
        """Hear the request."""
        try:
            more = self.socket.recv(LONGEST)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if not more:
            self.end()
        elif not self.path:
            self.heard += more
            self.understand()

    def understand(self) -> None:
        """Pass the request on once it is whole."""
        if found := REQUEST.fullmatch(self.heard):
            self.path = found[1].decode(errors="replace")
            self.server.asked(self)
        elif b"\r\n\r\n" in self.heard or len(self.heard) > LONGEST:
            self.answer("400 Bad Request", "text/plain", "")

    def answer(self, status: str, kind: str, text: str) -> None:
        """Answer; the connection is closed at the end."""
        data = text.encode(errors="replace")
        self.path = self.path or "/"
        self.unsaid = ANSWER.format(status=status, kind=kind, length=len(data)).encode() + data

    def handle_write_event(self) -> None:
        """Say what can be said now."""
        try:
            self.unsaid = self.unsaid[self.socket.send(self.unsaid) :]
        except BlockingIOError:
            return
        except OSError:
            self.unsaid = b""
        if not self.unsaid:
            self.end()

    def end(self) -> None:
        """Close the connection."""
        self.server.open.discard(self)
        if self._fileno is not None:
            self.close()
