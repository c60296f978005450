"""Signals in supervisord: none is lost before it is ready, and none waits for a second."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from supervisor.medusa import asyncore_25 as asyncore

# Blocked by entrypoint.py's first statement, until supervisord can handle them.
EARLY = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP}


class WakeUp(asyncore.file_dispatcher):  # type: ignore[misc]  # supervisor has no types
    """A pipe that ends supervisord's poll() at once when a signal comes.

    Without it supervisord, whose poll() Python restarts after a signal (PEP 475), notices a
    signal or a dead child up to a second late, at each step of a start and of a stop.
    """

    def __init__(self, turn: Callable[[], None]) -> None:
        """Have the interpreter write each signal's number to the pipe; `turn` may not raise."""
        forget()
        self.turn = turn
        reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        super().__init__(reader)
        signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
        self.write(0)  # supervisor 4.3.0 waits a second before its first start
        self.alarmed: Callable[[], None] = lambda: None
        signal.signal(signal.SIGALRM, lambda number, frame: None)

    def alarm(self, seconds: float) -> None:
        """Have alarmed() called in so many seconds: supervisord itself knows only its ticks."""
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def write(self, number: int) -> None:
        """End the main loop's wait, so that it goes through another turn."""
        os.write(self.writer, bytes([number]))

    def readable(self) -> bool:
        """Say that this end is read; supervisord asks in each turn of its main loop."""
        self.turn()
        return True

    def writable(self) -> bool:
        """Say that this end is only read."""
        return False

    def handle_read_event(self) -> None:
        """Take one byte only, because supervisord handles one signal in a turn."""
        number = os.read(self.socket.fileno(), 1)
        if number == bytes([signal.SIGCHLD]):
            self.write(0)  # supervisord reaps at a turn's end, and acts on it in the next
        elif number == bytes([signal.SIGALRM]):
            self.alarmed()


def forget() -> None:
    """Remove our earlier dispatchers, whose descriptors `supervisorctl reload` has closed."""
    for descriptor, dispatcher in list(asyncore.socket_map.items()):
        if type(dispatcher).__module__.startswith("stack."):
            del asyncore.socket_map[descriptor]


def fork() -> int:
    """Fork so that the child dies of a signal that comes before it has become the program.

    Until exec the child would run supervisord's own handler, in vain, and then have to be killed.
    """
    handled = EARLY | {signal.SIGCHLD, signal.SIGUSR2}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, handled)
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        for number in handled:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid
