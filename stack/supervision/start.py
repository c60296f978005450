"""How far the start is: which workers have loaded, and when all is ready."""

from __future__ import annotations

import os
import time
import traceback
from typing import Any

from stack.machine import regular
from stack.supervision.output import Output
from stack.supervision.wakeup import WakeUp
from stack.supervision.workers import Workers
from stack.uwsgi import output as uwsgi

# Seconds between two looks.
INTERVAL = 0.05

# Seconds until the next look after one that failed.
LATER = 60.0


class Start:
    """The start of one running supervisord's programs."""

    def __init__(self, supervisord: Any, output: Output, workers: Workers) -> None:
        """Take whose programs they are, what is held back of their start, and how many fit."""
        self.supervisord = supervisord
        self.wake_up = WakeUp(self.turn)
        self.output = output
        self.workers = workers
        # Whether a worker has loaded the application: since uWSGI's last start, and ever.
        self.loaded = self.served = False
        # Whether it was found out how many there is room for.
        self.measured = False
        # Whether all have, and nginx listens; and whether it was told what is served.
        self.ready = self.told = False
        self.took: float | None = None
        self.next = 0.0

    def begin(self) -> None:
        """Note that uWSGI starts."""
        self.loaded = self.ready = self.measured = False
        self.took = None
        uwsgi.ONCE_LOADED.unlink(missing_ok=True)
        self.workers.begin()

    def again(self) -> None:
        """Look anew: from now on another uWSGI serves, whose workers have loaded."""
        self.ready = self.measured = False
        self.took = None
        self.workers.begin()
        self.wake_up.write(0)

    def turn(self) -> None:
        """Look, until all is ready, how far it is; called in each turn of the main loop."""
        now = time.monotonic()
        if self.ready or now < self.next:
            return
        self.next = now + INTERVAL
        self.look()

    def look(self) -> None:
        """See whether workers have loaded, and say so when all have and nginx listens."""
        try:
            groups = self.supervisord.process_groups
            master, nginx = (groups[name].processes[name].pid for name in ("uwsgi", "nginx"))
            loaded = len(uwsgi.loaded(master)) if master and not self.ready else 0
            if loaded or (master and uwsgi.ONCE_LOADED.exists()):
                self.loaded = self.served = True
            if loaded and not self.measured:
                self.measured = True
                if too_many := self.workers.measured(master):
                    self.supervisord.options.logger.warn(too_many)
            if loaded and loaded >= self.workers.expected() and listens(nginx):
                if self.took is not None:
                    self.tell(loaded, self.took)
                else:
                    # What the workers have said of the import is read before the next look.
                    self.took = time.monotonic() - float(os.environ["STACK_BEGAN"])
                    self.next = 0.0
                    self.wake_up.write(0)
        except Exception:
            self.next = time.monotonic() + LATER  # it would end the main loop
            self.supervisord.options.logger.warn(traceback.format_exc())

    def tell(self, count: int, took: float) -> None:
        """Say that all is ready: at first with what is served, where, for whom and by how many."""
        self.ready = True
        self.output.ready()
        threads = os.environ["UWSGI_THREADS"]
        by = f"{count} {'process' if count == 1 else 'processes'}"
        by += f" of {threads} threads" if threads != "1" else ""
        sentence = f"ready after {took:.1f} s: {os.environ['OUR_SERVICE']}, by {by}"
        self.supervisord.options.logger.info("ready again" if self.told else sentence)
        self.told = True


def listens(nginx: int) -> bool:
    """Say whether nginx is ready: it writes its number down once its port is open."""
    try:
        return regular.content("run/nginx.pid", 100) == b"%d\n" % nginx
    except OSError:
        return False
