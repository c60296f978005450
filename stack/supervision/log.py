"""The container's log: written without ever waiting for long, whoever reads it or does not."""

from __future__ import annotations

import os
import select

# Milliseconds to wait for a reader that is behind, once; while it stays behind, text is dropped.
PATIENCE = 1000

# A pipe that is ready takes this much without blocking (PIPE_BUF, pipe(7)).
CHUNK = 4096


class Log:
    """A stream for one descriptor, in the place of sys.stdout or sys.stderr.

    supervisord has one thread: were it to wait for the reader of its output, it would not notice
    a signal or a dead program, and the programs would wait in turn to be heard.
    """

    def __init__(self, descriptor: int) -> None:
        """Take an open descriptor."""
        self.descriptor = descriptor
        self.lost = self.lost_in_all = 0
        self.poll = select.poll()
        self.poll.register(descriptor, select.POLLOUT)

    def write(self, text: str | bytes) -> None:
        """Write what can be written now; count the rest, and tell of it when somebody reads."""
        data = text.encode(errors="replace") if isinstance(text, str) else text
        if self.lost and self.ready(0):
            notice, self.lost = f"entrypoint: warning: {self.lost} bytes of log were lost\n", 0
            data = notice.encode() + data
        while data and self.ready(0 if self.lost else PATIENCE):
            try:
                data = data[os.write(self.descriptor, data[:CHUNK]) :]
            except OSError:  # nobody is there any more to read it
                break
        self.lost += len(data)
        self.lost_in_all += len(data)

    def ready(self, milliseconds: int) -> bool:
        """Wait this long at most, and say whether a chunk can be written without blocking."""
        return bool(self.poll.poll(milliseconds))

    def fileno(self) -> int:
        """Name the descriptor: supervisord leaves the standard ones open."""
        return self.descriptor

    def flush(self) -> None:
        """Do nothing, since write keeps nothing back."""
