"""Clients that read an answer slowly."""

from __future__ import annotations

import socket
import threading
import time
from hashlib import sha256

from tests.support.stacks import Stack
from tests.support.wait import HANGS


def slow_reader(stack: Stack) -> socket.socket:
    """Open a connection that takes little from the kernel at once."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.settimeout(HANGS)
    connection.connect(("127.0.0.1", stack.port))
    return connection


def read(connection: socket.socket, pace: float, until: float = 60) -> bytes:
    """Read at a steady pace, in bytes a second, until the end or for so many seconds."""
    answer, began, pause = bytearray(), time.monotonic(), threading.Event()
    while (passed := time.monotonic() - began) < until and (more := connection.recv(65536)):
        answer += more
        pause.wait(max(0, len(answer) / pace - passed))
    return bytes(answer)


def digest(answer: bytes) -> str:
    """Return the digest of an answer's body."""
    return sha256(memoryview(answer)[answer.index(b"\r\n\r\n") + 4 :]).hexdigest()
