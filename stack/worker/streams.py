"""Answers whose length nobody knows: sent over a connection of their own, in HTTP's chunks.

uWSGI's protocol has no sign for the end of an answer but the end of the connection, which a worker
that is killed causes too: nginx would make a whole answer of it. So nginx is told to call for such
an answer (conf/answers.conf), and is given it as HTTP/1.1 has it: without the last chunk, whatever
the reason, it is not whole.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from pathlib import Path

import uwsgi  # made by uWSGI itself

# Seconds for nginx to come: it does so at once, unless it dies.
PATIENCE = 10.0

LAST_CHUNK = b"0\r\n\r\n"


class Door:
    """A socket below run/streams at which nginx calls for answers; each thread has its own.

    A thread has one answer at a time, and so whoever calls is nginx, for that one.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Listen, under a name that nobody else has."""
        self.name = name
        self.path = folder / name
        # Of a container that was killed and started again: it has the same numbers.
        self.path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.setblocking(False)
        # By way of a descriptor: the whole path might be longer than the 107 bytes that it may be.
        at = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            self.socket.bind(f"/proc/self/fd/{at}/{name}")
        finally:
            os.close(at)
        self.socket.listen(1)

    def opened(self) -> socket.socket | None:
        """Wait until nginx has called and said what for; None if it does not."""
        call = select.poll()
        call.register(self.socket, select.POLLIN)
        if not call.poll(PATIENCE * 1000):
            return None
        connection, _ = self.socket.accept()
        connection.settimeout(PATIENCE)
        asked = b""
        while not asked.endswith(b"\r\n\r\n"):
            if not (more := connection.recv(4096)):
                connection.close()
                return None
            asked += more
        connection.settimeout(None)
        return connection

    def close(self) -> None:
        """Listen no more, to whoever may call late."""
        self.socket.close()
        self.path.unlink(missing_ok=True)


class Doors(threading.local):
    """Each thread's door."""

    door: Door | None = None
    made = 0


class Streams:
    """The way from a worker to nginx that is not uWSGI's."""

    def __init__(self, folder: Path) -> None:
        """Take the folder for the sockets."""
        self.folder = folder
        self.doors = Doors()

    def called_for(self) -> socket.socket | None:
        """Have nginx call for the answer to the request at hand; None if it does not come."""
        doors = self.doors
        if doors.door is None:
            doors.made += 1
            name = f"{os.getpid()}-{threading.get_native_id()}-{doors.made}"
            doors.door = Door(self.folder, name)
        door = doors.door
        told = (
            f"HTTP/1.1 200 OK\r\nX-Accel-Redirect: @stream\r\nX-Accel-Stream: {door.name}\r\n\r\n"
        )
        connection = None
        try:
            os.write(uwsgi.connection_fd(), told.encode())
            connection = door.opened()
        except OSError:
            pass  # nginx has died, or is being killed
        if connection is None:
            door.close()
            doors.door = None
        return connection


def tidy(folder: Path) -> None:
    """Make the folder for the sockets, and remove what dead workers have left there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(OSError):  # another user's
        for left in folder.iterdir():
            if not Path(f"/proc/{left.name.partition('-')[0]}").exists():
                left.unlink(missing_ok=True)


def chunk(piece: bytes) -> bytes:
    """Write a piece as a chunk; an empty one would be the last."""
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
