"""How many of uWSGI's workers fit into memory: measured when the first has loaded the application.

Nobody knows before how large it is. Where the limit is tight and UWSGI_PROCESSES is not set, uWSGI
begins with one worker (stack/uwsgi/options.py) and is told here how many more to start.
"""

from __future__ import annotations

import os

from stack.machine import processes
from stack.uwsgi import fifo, folders, memory, output

FIFO = folders.SERVING / "uwsgi.fifo"

# Room for a reload is kept as long as so many workers fit beside it: a crash of one is no outage.
ENOUGH = 2


class Workers:
    """Those of one stack."""

    def __init__(self) -> None:
        """Read what the start has found out: no room in it means that there is no limit."""
        self.wanted = int(os.environ.get("UWSGI_PROCESSES", "1"))
        self.room = int(os.environ.get("WORKERS_ROOM", "0"))
        self.limit = int(os.environ.get("MEMORY_LIMIT", "0"))
        # What is there besides workers: supervisord, nginx, and uWSGI's master without the import.
        self.others = self.limit - self.room
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
        one, all_share = size(master), shared(master)
        if not self.room or not one:
            return ""
        # A reload has the application in memory once more, to try the new code.
        again = (all_share if output.PRELOADED.exists() else one) + memory.RELOAD
        fit = (self.room - all_share - again) // one
        if fit < ENOUGH:
            fit = max(1, (self.room - all_share) // one)
        self.target = min(fit, self.most)
        if self.staged:
            fifo.tell(FIFO, fifo.MORE * (self.target - 1))
        if fit < self.wanted:
            return self.too_many(fit, one, all_share, again)
        return self.no_reload(one - memory.REQUESTS, all_share)

    def too_many(self, fit: int, one: int, all_share: int, again: int) -> str:
        """Say that not all workers fit, and what would help."""
        needed = (self.others + self.wanted * one + all_share + again) >> 20
        and_shared = f", with {all_share >> 20} MiB shared by all" if all_share else ""
        what = (
            f"a worker takes {one >> 20} MiB{and_shared}, and the limit of {self.limit >> 20} MiB "
            f"has room for {fit} of {self.wanted}; "
        )
        if self.staged:
            return f"{what}no more are started, unless you raise it: {needed} MiB are room for all"
        return f"{what}set UWSGI_PROCESSES={fit}, or raise the limit to {needed} MiB"

    def no_reload(self, own: int, all_share: int) -> str:
        """Say that there is no room for a reload, where that is so even while nobody asks."""
        idle = self.others + all_share + self.target * (own + memory.WRITTEN_TO)
        preloaded = output.PRELOADED.exists()
        second = all_share + (self.target * memory.WRITTEN_TO if preloaded else own)
        if (needed := idle + second + memory.RELOAD) <= self.limit:
            return ""
        return (
            f"the limit of {self.limit >> 20} MiB has no room for a reload, during which the "
            f"application's {(all_share + own) >> 20} MiB are there twice; raise it to "
            f"{(needed >> 20) + 1} MiB, or start the container anew for new code"
        )

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


def shared(master: int) -> int:
    """Say how many bytes all workers share, because uWSGI's master has imported something."""
    return max(0, processes.anonymous(master) - memory.WITHOUT_APPLICATION)


def size(master: int) -> int:
    """Say how many bytes one more worker takes: its own, not those that it shares by the fork."""
    loaded = output.loaded(master)
    if not loaded:
        return 0
    own = max(map(processes.anonymous, loaded)) - processes.anonymous(master)
    return max(0, own) + memory.REQUESTS
