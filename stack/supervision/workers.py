"""How many of uWSGI's workers fit into memory: measured when the first has loaded the application.

Nobody knows before how large it is. Where the limit is tight and UWSGI_PROCESSES is not set, uWSGI
begins with one worker (stack/uwsgi/options.py) and is told here how many more to start.
"""

from __future__ import annotations

import os

from stack.machine import processes
from stack.uwsgi import fifo, folders, output

FIFO = folders.SERVING / "uwsgi.fifo"

# Bytes of a uWSGI's master that has imported Flask and no application.
WITHOUT_APPLICATION = 16 << 20

# Bytes that requests add to what a worker takes when it has loaded.
REQUESTS = 12 << 20


class Workers:
    """Those of one stack."""

    def __init__(self) -> None:
        """Read what the start has found out: no room in it means that there is no limit."""
        self.wanted = int(os.environ.get("UWSGI_PROCESSES", "1"))
        self.room = int(os.environ.get("WORKERS_ROOM", "0"))
        self.limit = int(os.environ.get("MEMORY_LIMIT", "0"))
        self.staged = "WORKERS_STAGED" in os.environ
        # As many as may run, after what was learnt from kills; and how many are to run just now.
        self.most, self.target = self.wanted, 0
        self.amiss = 0

    def begin(self) -> None:
        """Note that uWSGI starts anew, with one worker if it is staged."""
        self.target = self.amiss = 0

    def expected(self) -> int:
        """Say how many are to be there before the start is over."""
        fewest = os.environ.get("UWSGI_CHEAPER_INITIAL", os.environ.get("UWSGI_CHEAPER"))
        return self.target if self.staged else int(fewest or self.wanted)

    def measured(self, master: int) -> str:
        """Measure a worker that has loaded, start the others that fit, and say if not all do."""
        one = size(master)
        if not self.room or not one:
            return ""
        shared = imported(master)
        # A reload has the application in memory once more, to try the new code.
        fit = (self.room - (2 * shared or one)) // one
        reloads = fit > 0
        if not reloads:
            fit = max(1, (self.room - shared) // one)
        self.target = min(fit, self.most)
        if self.staged:
            fifo.tell(FIFO, fifo.MORE * (self.target - 1))
        if fit < self.wanted:
            return self.too_many(fit, one, shared)
        if not reloads:
            most = (self.limit - self.room + self.wanted * one + (2 * shared or one)) >> 20
            return (
                f"the limit of {self.limit >> 20} MiB has no room for a reload, during which the "
                f"application's {(shared or one) >> 20} MiB are there twice; raise it to {most} "
                "MiB, or start the container anew for new code"
            )
        return ""

    def too_many(self, fit: int, one: int, shared: int) -> str:
        """Say that not all workers fit, and what would help."""
        needed = (self.limit - self.room + self.wanted * one + (2 * shared or one)) >> 20
        and_shared = f", with {shared >> 20} MiB shared by all" if shared else ""
        what = (
            f"a worker takes {one >> 20} MiB{and_shared}, and the limit of {self.limit >> 20} MiB "
            f"has room for {fit} of {self.wanted}; "
        )
        if self.staged:
            return f"{what}no more are started, unless you raise it: {needed} MiB are room for all"
        return f"{what}set UWSGI_PROCESSES={fit}, or raise the limit to {needed} MiB"

    def lower(self) -> str:
        """Have one worker less, because the kernel killed something, and say so."""
        if not self.staged or self.target < 2:
            return ""
        self.most = self.target = self.target - 1
        return f"; of {self.wanted} workers {self.target} go on"

    def keep(self, master: int) -> None:
        """Set their number right when it has been wrong twice; to be called every five seconds.

        It is wrong for a moment whenever one is replaced, and for good when uWSGI's master has
        begun again by itself, with one.
        """
        if not self.staged or not self.target:
            return
        before = self.amiss
        self.amiss = self.target - len(processes.children(master, output.WORKER))
        if self.amiss and self.amiss == before:
            fifo.tell(FIFO, (fifo.MORE if self.amiss > 0 else fifo.LESS) * abs(self.amiss))
            self.amiss = 0


def imported(master: int) -> int:
    """Say how many bytes all workers share, because uWSGI's master has imported the application."""
    if not output.PRELOADED.exists():
        return 0
    return max(0, processes.anonymous(master) - WITHOUT_APPLICATION)


def size(master: int) -> int:
    """Say how many bytes one more worker takes: its own, not those that it shares by the fork."""
    loaded = output.loaded(master)
    if not loaded:
        return 0
    own = max(map(processes.anonymous, loaded)) - processes.anonymous(master)
    return max(0, own) + REQUESTS
