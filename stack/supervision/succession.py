"""A uWSGI with new code beside the one that serves, and then in its place.

`reload` asks for each step through supervisor's own interface (stack/commands/succeed.py). In the
group uwsgi there are then, besides the process of that name, uwsgi-next, which is tried, or
uwsgi-previous, which finishes its requests.
"""

from __future__ import annotations

import copy
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervisor.states import ProcessStates, getProcessStateDescription

from stack.machine import oom, processes
from stack.uwsgi import folders, output

UWSGI, NEXT, PREVIOUS = "uwsgi", "uwsgi-next", "uwsgi-previous"

# Seconds beyond what the workers have for their requests, for uWSGI's master to end.
GRACE = 1

LIVE = (ProcessStates.STARTING, ProcessStates.RUNNING)


class Succession:
    """The uWSGIs of one running supervisord."""

    def __init__(self, supervision: Any) -> None:
        """Begin with the one that serves."""
        self.supervision = supervision
        # Who asked for a change that is under way.
        self.reload = 0
        # Called with the process id of a uWSGI that serves from now on.
        self.promoted: Callable[[int], None] = lambda pid: None

    @property
    def processes(self) -> dict[str, Any]:
        """Give the processes of the group uwsgi, by their names."""
        found: dict[str, Any] = self.supervision.supervisord.process_groups[UWSGI].processes
        return found

    @property
    def changing(self) -> bool:
        """Say whether there are two."""
        return len(self.processes) > 1

    def begin(self, folder: str, reload: int) -> int:
        """Start one in a folder, for a reload with this process id, and give its own.

        The reload has made the folder. 0 if nobody serves, or if there are two already.
        """
        self.abandon()
        serving = self.processes[UWSGI]
        if {NEXT, PREVIOUS} & self.processes.keys() or serving.state not in LIVE:
            return 0
        self.reload = reload
        config = copy.copy(serving.config)
        config.name, config.autorestart, config.startretries = NEXT, False, 0
        config.environment = {**config.environment, "OUR_UWSGI": folder}
        config.stdout_logfile = str(Path(folder, "uwsgi.log").resolve())
        config.stderr_logfile = str(Path(folder, "uwsgi-master.log").resolve())
        process = self.processes[NEXT] = config.make_process(serving.group)
        process.spawn()
        return int(process.pid)

    def state(self) -> dict[str, str]:
        """Give the states of those that are there, by their names."""
        return {
            name: getProcessStateDescription(each.state) for name, each in self.processes.items()
        }

    def promote(self) -> bool:
        """Have nginx use the one that was tried; False if it, or who is to make way, has gone."""
        new, old = self.processes.get(NEXT), self.processes[UWSGI]
        by_hand = (ProcessStates.STOPPING, ProcessStates.STOPPED)
        if new is None or new.state not in LIVE or old.state in by_hand:
            return False
        old_config = copy.copy(old.config)
        new.config.name, new.config.autorestart = UWSGI, old_config.autorestart
        new.config.startretries = old_config.startretries
        old_config.name, old_config.autorestart = PREVIOUS, False
        old_config.stopwaitsecs = int(os.environ["DRAIN_SECONDS"]) + GRACE
        old.config = old_config
        del self.processes[NEXT]
        self.processes.update({UWSGI: new, PREVIOUS: old})
        folders.serve_from(Path(new.config.environment["OUR_UWSGI"]))
        self.supervision.start.again()
        self.promoted(new.pid)
        # To lose what it still has to do is better than to lose all that the new one is asked.
        for pid in (old.pid, *processes.children(old.pid, output.WORKER)):
            oom.rank(pid, oom.THIRD)
        if old.state not in LIVE:
            self.ended(old)
        return True

    def retire(self) -> bool:
        """Have the one that has served finish its requests and leave."""
        if (old := self.processes.get(PREVIOUS)) and old.state in LIVE:
            old.stop()
        return True

    def abandon(self) -> bool:
        """End the one that was tried: nobody has used it."""
        if new := self.processes.get(NEXT):
            new.config.stopsignal, new.config.stopasgroup = signal.SIGKILL, True
            # One that has just ended is told of before it is forgotten; supervisord itself would
            # end if that were stopped.
            if new.state in (*LIVE, ProcessStates.STOPPING):
                new.stop()
            if not new.pid:
                self.ended(new)
        return True

    def ended(self, process: Any) -> None:
        """Forget one that is no more."""
        name = process.config.name
        if name in (NEXT, PREVIOUS) and self.processes.get(name) is process:
            del self.processes[name]

    def look(self) -> None:
        """Go on in place of a reload that has ended in the midst of it."""
        if self.reload and not Path(f"/proc/{self.reload}").exists():
            self.abandon()
            self.retire()
            self.reload = 0

    def leave(self) -> None:
        """Make way for the end of everything; nginx finishes its requests first."""
        self.abandon()
        if old := self.processes.get(PREVIOUS):
            old.config.stopwaitsecs = int(os.environ["APP_STOP_SECONDS"])

    def hurry(self) -> None:
        """Have one that finishes its requests take no longer now than the one that serves may."""
        if (old := self.processes.get(PREVIOUS)) and old.state == ProcessStates.STOPPING:
            old.delay = min(old.delay, time.time() + int(os.environ["APP_STOP_SECONDS"]))


class Interface:
    """What can be asked for by way of supervisor's interface, as supervision.begin and so on."""

    def __init__(self, succession: Succession) -> None:
        """Offer these steps and no others."""
        self.begin, self.state = succession.begin, succession.state
        self.promote, self.retire = succession.promote, succession.retire
        self.abandon = succession.abandon
