"""The named pipe by which nginx's workers tell what is to be counted.

A pipe of its own, and not the access log's: nginx writes to it in pieces of at most 4096 bytes,
which the kernel keeps whole (PIPE_BUF, pipe(7)). A line of the access log is longer where a client
wants it to be, and then two workers' can end up in each other when the pipe is full. Counted from
there, some would be lost, and what a client has put into its URI could become a line of its own.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from supervisor.medusa import asyncore_25 as asyncore

# Bytes that may wait while supervisord is at something else, where the kernel gives as much.
ROOM = 1 << 20
PIECE = 1 << 16
# Pieces to take at once, so that signals and dead programs do not wait for longer.
MOST = 16


class Intake(asyncore.file_dispatcher):  # type: ignore[misc]  # supervisor has no types
    """Reads the pipe when there is something in it."""

    def __init__(self, path: Path, take: Callable[[bytes], None]) -> None:
        """Make the pipe. It is open for writing here as well, or it would end with each nginx."""
        if not path.is_fifo() or path.stat().st_uid != os.geteuid():
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o600)
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no pipe")
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, ROOM)
        super().__init__(descriptor)
        self.take = take

    def writable(self) -> bool:
        """Say that it is only read."""
        return False

    def handle_read_event(self) -> None:
        """Take all there is, within reason."""
        for _ in range(MOST):
            try:
                data = os.read(self.socket.fileno(), PIECE)
            except BlockingIOError:
                return
            self.take(data)
            if len(data) < PIECE:
                return
