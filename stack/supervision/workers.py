"""How many of uWSGI's workers fit into memory: measured when the first has loaded the application.

Nobody knows before how large it is. Where the limit is tight and UWSGI_PROCESSES is not set, uWSGI
begins with one worker (stack/uwsgi/options.py) and is told here how many more to start.
"""

from __future__ import annotations

import os
from pathlib import Path

from stack.machine import processes
from stack.uwsgi import fifo, output

FIFO = Path("run/uwsgi.fifo")

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
        fit = max(1, self.room // one - 1)  # a reload tries the new code in one process more
        self.target = min(fit, self.most)
        if self.staged:
            fifo.tell(FIFO, fifo.MORE * (self.target - 1))
        if fit >= self.wanted:
            return ""
        needed = (self.limit - self.room + (self.wanted + 1) * one) >> 20
        what = (
            f"a worker takes {one >> 20} MiB, and the limit of {self.limit >> 20} MiB has room for "
            f"{fit} of {self.wanted}; "
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


def size(master: int) -> int:
    """Say how many bytes one more worker takes: its own, not those that it shares by the fork."""
    loaded = [
        pid
        for pid in processes.children(master, output.WORKER)
        if processes.name(pid) == output.LOADED
    ]
    if not loaded:
        return 0
    own = max(map(processes.anonymous, loaded)) - processes.anonymous(master)
    return max(0, own) + REQUESTS
