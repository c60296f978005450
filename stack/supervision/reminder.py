"""Workers of uWSGI's that have not heard that they are to finish their requests.

Its master tells each once, with HUP, and then waits for all (gracefully_kill_them_all). One that
was forked a moment ago still ignores HUP (uwsgi_worker_run changes that), so both would be there
until they are killed: seen in the source of 2.0.31.
"""

from __future__ import annotations

import contextlib
import os
import signal

from stack.machine import processes
from stack.uwsgi import output


class Reminder:
    """Tells these again, and no others: one that finishes already would leave at once."""

    def __init__(self) -> None:
        """Begin with none."""
        self.deaf: dict[int, int] = {}  # their process ids, and their master's

    def stopping(self, master: int) -> None:
        """Note which workers would not hear a master that is about to be stopped."""
        workers = processes.children(master, output.WORKER)
        self.deaf |= {pid: master for pid in workers if processes.ignores(pid, signal.SIGHUP)}

    def turn(self) -> None:
        """Tell those that hear by now; called in each turn of the main loop."""
        for pid, master in [*self.deaf.items()]:
            if not processes.ignores(pid, signal.SIGHUP):
                del self.deaf[pid]
                if pid in processes.children(master, output.WORKER):
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGHUP)
