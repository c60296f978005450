"""Inside supervisord: prompt reactions, no lost signal, and an exit status that tells the truth.

supervisord calls attach() while it starts, because supervisord.conf names it as an
rpcinterface: supervisor's documented extension point, here without an interface. What it hooks
into is not documented, so supervisor is pinned exactly; seen in the source of 4.3.0.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from typing import Any

from supervisor import events
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.states import SupervisorStates

# Blocked by entrypoint.py from its first statement on: nobody was ready for them.
EARLY = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP}


def attach(supervisord: Any, **config: Any) -> None:
    """Take part in supervisord's life; called once, before its main loop."""
    supervision = Supervision(supervisord)
    events.subscribe(events.SupervisorRunningEvent, supervision.running)
    events.subscribe(events.ProcessStateFatalEvent, supervision.gave_up)


class Supervision:
    """What is added to one running supervisord."""

    def __init__(self, supervisord: Any) -> None:
        """Hook into the way it forks and waits."""
        self.options = supervisord.options
        self.options.fork = fork
        self.wake_up = WakeUp()

    def running(self, event: events.SupervisorRunningEvent) -> None:
        """Let in the signals that came too early; one to stop means that nothing is started."""
        if signal.sigpending() & EARLY - {signal.SIGHUP}:
            self.options.mood = SupervisorStates.SHUTDOWN
        signal.pthread_sigmask(signal.SIG_UNBLOCK, EARLY)

    def gave_up(self, event: events.ProcessStateFatalEvent) -> None:
        """Stop everything, and leave with 1, when a program cannot be kept running."""
        # During an ordinary stop a program that waits for its next try is given up too.
        if self.options.mood != SupervisorStates.RUNNING:
            return
        self.options.logger.critical(f"{event.process.config.name} gave up: stopping the rest")
        self.options.mood = SupervisorStates.SHUTDOWN
        atexit.register(leave, 1)
        self.wake_up.write(0)


class WakeUp(asyncore.file_dispatcher):  # type: ignore[misc]  # supervisor has no types
    """A pipe that ends supervisord's poll() at once when a signal comes.

    Without it supervisord, whose poll() Python restarts after a signal (PEP 475), notices a
    signal or a dead child up to a second late, at each step of a start and of a stop.
    """

    def __init__(self) -> None:
        """Have the interpreter write each signal's number to the pipe."""
        reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        super().__init__(reader)
        signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
        self.write(0)  # supervisor 4.3.0 waits a second before its first start

    def write(self, number: int) -> None:
        """Cause one more turn of the main loop."""
        os.write(self.writer, bytes([number]))

    def writable(self) -> bool:
        """Say that this end is only read."""
        return False

    def handle_read_event(self) -> None:
        """Take one byte: supervisord handles one signal a turn."""
        if self.recv(1) == bytes([signal.SIGCHLD]):
            self.write(0)  # a turn reaps last; what follows from it is done in the next


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


def leave(status: int) -> None:
    """End the interpreter with a status: supervisord itself knows only 0."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
