"""Others' answers, waited for in supervisord's own loop, which goes on meanwhile."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from supervisor.medusa import asyncore_25 as asyncore

# Bytes; uWSGI's answer has the headers of all requests that its workers are at.
LONGEST = 16 << 20

Address = str | tuple[str, int]


class Source:
    """Somebody who is asked again and again, and who may not answer.

    One question at a time: those that nobody has taken would wait in the socket's queue, and be
    answered, into the void and with an error line each, when whoever was stopped goes on.
    """

    def __init__(
        self,
        address: Address,
        question: bytes,
        read: Callable[[bytes], None],
        done: Callable[[], None],
    ) -> None:
        """Take a unix socket's path or a host and port, and what to call with each answer."""
        self.address, self.question = address, question
        self.read, self.done = read, done
        self.pending: Question | None = None
        self.answered = float("-inf")  # on the monotonic clock
        self.asked = float("-inf")

    def ask(self) -> None:
        """Ask, unless the last question is still open."""
        if not self.pending:
            self.asked = time.monotonic()
            with suppress(OSError):
                self.pending = Question(self)

    def fresh(self) -> bool:
        """Say whether the last question has been answered."""
        return self.answered >= self.asked

    def finish(self, answer: bytes | None) -> None:
        """Take what came, None if it is of no use."""
        self.pending = None
        if answer:
            try:
                self.read(answer)
                self.answered = time.monotonic()
            except (ValueError, LookupError, TypeError):
                pass  # not what was expected, and so no answer
        self.done()


class Question(asyncore.dispatcher):  # type: ignore[misc]  # supervisor has no types
    """One connection: a question is written, and all is read until the other side closes it."""

    def __init__(self, source: Source) -> None:
        """Connect, without waiting; OSError where nobody listens."""
        family = socket.AF_UNIX if isinstance(source.address, str) else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
        failed = connection.connect_ex(source.address)
        if failed not in (0, errno.EINPROGRESS):
            connection.close()
            raise OSError(failed, os.strerror(failed))
        super().__init__(connection)
        self.source, self.unsaid, self.heard = source, source.question, b""

    def writable(self) -> bool:
        """Say whether something is left to say."""
        return bool(self.unsaid)

    def handle_write_event(self) -> None:
        """Say what can be said now."""
        try:
            self.unsaid = self.unsaid[self.socket.send(self.unsaid) :]
        except BlockingIOError:
            return
        except OSError:
            self.end(None)

    def handle_read_event(self) -> None:
        """Hear what there is."""
        try:
            more = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            self.end(None)
            return
        self.heard += more
        if not more:
            self.end(self.heard)
        elif len(self.heard) > LONGEST:
            self.end(None)

    def end(self, answer: bytes | None) -> None:
        """Close the connection and hand over what came."""
        self.close()
        self.source.finish(answer)
