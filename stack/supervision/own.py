"""The operator's own programs (conf/supervisor.d): when they start and stop, and what they say."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

from supervisor.states import ProcessStates

OURS = ("uwsgi", "nginx")

# Bytes of a line that has not ended, after which it is passed on in pieces.
LONGEST = 16_384

# Says with status 0 that the application has answered, however long that takes.
ASK = (sys.executable, "-S", "-E", "-s", "-m", "stack.health")


class Own:
    """What is done with them in one running supervisord."""

    def __init__(self, supervisord: Any) -> None:
        """Begin with none that is held back."""
        self.supervisord = supervisord
        self.options = supervisord.options
        self.held: list[Any] = []
        self.asking = 0
        self.unfinished: dict[tuple[str, str], bytes] = {}

    def processes(self) -> Iterator[Any]:
        """List the processes of programs that are not ours."""
        for name, group in self.supervisord.process_groups.items():
            if name not in OURS:
                yield from group.processes.values()

    def hold_back(self) -> None:
        """Keep those that wait for the application from being started, and begin to ask for it."""
        for name in os.environ["PROGRAMS_THAT_WAIT"].split():
            if group := self.supervisord.process_groups.get(name):
                self.held += group.processes.values()
        for process in self.held:
            process.config.autostart = False
        if self.held:
            names = ", ".join(process.config.name for process in self.held)
            self.options.logger.info(f"{names}: to be started when the application has answered")
            self.ask()

    def ask(self) -> None:
        """Have another process wait for the application's answer: this one may not."""
        self.asking = os.posix_spawn(ASK[0], ASK, os.environ)
        # supervisord calls finish() of what it has here by this number.
        self.options.pidhistory[self.asking] = self

    def finish(self, pid: int, status: int) -> None:
        """Let them start, or ask again if whoever asked was killed."""
        self.asking = 0
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            for process in self.held:
                process.config.autostart = True
            self.held = []
        elif not self.supervisord.stopping:
            self.ask()

    def stop(self) -> None:
        """Ask all to stop at the same time; supervisord itself asks one after another."""
        if self.asking:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.asking, signal.SIGKILL)
        for process in self.processes():
            if process.get_state() in (ProcessStates.RUNNING, ProcessStates.STARTING):
                process.stop()
            elif process.get_state() == ProcessStates.BACKOFF:
                process.give_up()

    def lines(self, name: str, channel: str, data: bytes) -> bytes:
        """Take output in pieces of any length, and return its whole lines, each with the name."""
        *lines, rest = (self.unfinished.get((name, channel), b"") + data).split(b"\n")
        if len(rest) > LONGEST:
            lines.append(rest)
            rest = b""
        self.unfinished[name, channel] = rest
        return b"".join(b"%s: %s\n" % (name.encode(), line) for line in lines)

    def rest(self, name: str) -> bytes:
        """Return what a program that has ended said last, if its line had no end."""
        return b"".join(
            self.lines(name, channel, b"\n")
            for channel in ("stdout", "stderr")
            if self.unfinished.get((name, channel))
        )
