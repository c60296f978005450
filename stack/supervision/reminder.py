"""Workers of uWSGI's that have not heard that they are to finish their requests.

Its master tells each once, with HUP, and then waits for all (gracefully_kill_them_all). One that
was forked a moment ago still ignores HUP, or does what the master would (uwsgi_worker_run sets what
it does itself), so both would be there until they are killed: seen in the source of 2.0.31.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any

from supervisor.states import ProcessStates

from stack.machine import processes
from stack.uwsgi import output

# Seconds until they are told again. Whoever finishes already does nothing else for being told.
INTERVAL = 1.0


class Reminder:
    """Tells them again."""

    def __init__(self, supervisord: Any) -> None:
        """Take whose workers they are."""
        self.supervisord = supervisord
        self.next = 0.0

    def turn(self) -> None:
        """Look whether there are any; called in each turn of the main loop."""
        groups = self.supervisord.process_groups
        uwsgis = groups["uwsgi"].processes.values() if "uwsgi" in groups else ()
        masters = [each.pid for each in uwsgis if each.state == ProcessStates.STOPPING and each.pid]
        now = time.monotonic()
        if not masters:
            self.next = now + INTERVAL
        elif now >= self.next:
            self.next = now + INTERVAL
            for pid in {pid for each in masters for pid in processes.children(each, output.WORKER)}:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGHUP)
