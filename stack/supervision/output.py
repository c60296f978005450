"""What the programs and supervisord say, on its way to the container's log.

Every line passes through here, with its source. Nothing here may block, and no line of a program,
whatever it holds, may keep the next from being shown.
"""

from __future__ import annotations

import os
import re
import traceback
from collections import defaultdict, deque
from collections.abc import Callable

from stack.nginx import output as nginx
from stack.supervision.accesses import Accesses, parted
from stack.supervision.lines import Lines
from stack.supervision.log import Log
from stack.supervision.repeated import Repeated
from stack.uwsgi import master

# What uWSGI's workers say each, at their start and end, and cannot be told not to.
USUAL = re.compile(
    rb"^(?:WSGI app \d+ \(mountpoint='[^'\n]*'\) ready in \d+ seconds .*"
    rb"|Gracefully killing worker \d+ \(pid: \d+\)\.\.\.)\n",
    re.MULTILINE,
)

# Of supervisord's own lines, that a program has run for five seconds: its start has been told.
OWN_USUAL = " INFO success: "

# Lines that are held back, to be shown if something fails.
HELD = 200


class Output:
    """The container's log: what is shown of all that is said."""

    def __init__(self, warn: Callable[[str], None], level: str) -> None:
        """Take how to say something of our own, and LOG_LEVEL."""
        self.stdout, self.stderr = Log(1), Log(2)
        self.warn = warn
        self.debug, self.quiet = level == "debug", level not in ("debug", "info")
        self.starting = True
        self.lines: dict[tuple[str, str], Lines] = defaultdict(Lines)
        self.accesses = Accesses()
        self.master = master.Master()
        self.repeated = Repeated()
        self.held: deque[str] = deque(maxlen=HELD)

    def heard(self, program: str, channel: str, data: bytes, process: str = "") -> None:
        """Take what a program says, or one of its processes, in pieces of any length."""
        try:
            self.read(program, channel, data, process or program)
        except Exception:
            # supervisord would close the channel, and the program would end or hang.
            self.stderr.write(data)
            if self.repeated.is_news(b"exception"):
                self.warn(traceback.format_exc())

    def read(self, program: str, channel: str, data: bytes, process: str) -> None:
        """Pass on what is to be shown."""
        match program, channel:
            case "nginx", "stdout":
                self.of_requests(self.lines[process, channel].whole(data))
            case "nginx", "stderr":
                self.errors(self.lines[process, channel].whole(data))
            case "uwsgi", "stderr":
                self.of_master(self.lines[process, channel].whole(data))
            case "uwsgi", "stdout" if b"WSGI app " in data or b"Gracefully killing" in data:
                self.stderr.write(data if self.debug else USUAL.sub(b"", data))
            case _:
                self.stderr.write(data)

    def of_requests(self, lines: bytes) -> None:
        """Show the access log's lines; of the others, make sentences and counts."""
        accesses, events = parted(lines)
        if accesses:
            self.stdout.write(self.accesses.good(accesses))
        for event in events:
            kind, client = nginx.kind_and_client(event)
            if self.repeated.is_news(kind, client, nginx.most(kind)):
                self.tell(nginx.told(event), kind)

    def tell(self, text: str, kind: bytes) -> None:
        """Show whom nginx turned away as it is, and anything else with the time, as a warning."""
        if kind in nginx.TURNED_AWAY:
            self.stderr.write(f"{text}\n")
        else:
            self.warn(text)

    def errors(self, lines: bytes) -> None:
        """Show nginx's errors, without what a client could do to a terminal."""
        for line in lines.split(b"\n")[:-1]:
            if self.debug:
                self.stderr.write(f"{nginx.shown(line)}\n")
                continue
            error = nginx.error(line)
            if not error.known and self.repeated.is_news(error.kind, b"", nginx.most(error.kind)):
                self.tell_error(error)

    def tell_error(self, error: nginx.Error) -> None:
        """Show an error as nginx has put it, unless it is one of those that have a sentence."""
        if error.kind == nginx.UNWELL:
            self.warn(error.text)
        else:
            self.stderr.write(f"{error.text}\n")

    def of_master(self, lines: bytes) -> None:
        """Show what uWSGI's master says, but for what is usual."""
        for line in lines.split(b"\n")[:-1]:
            said = self.master.read(line)
            if self.debug or not said:
                self.hold(f"{line.decode(errors='replace')}\n")
            if said and not said.kind:
                if not self.debug:
                    self.stderr.write(f"{said.text}\n")
            elif said and self.repeated.is_news(said.kind, most=master.MOST):
                self.warn(said.text)

    def own(self, data: bytes) -> None:
        """Take a line of supervisord's own."""
        text = data.decode(errors="replace")
        info = " INFO " in text[:40]
        if info and (self.quiet or self.starting or OWN_USUAL in text):
            self.hold(text)
        else:
            self.stderr.write(text)

    def hold(self, text: str) -> None:
        """Keep what is usual, in case that something fails; with LOG_LEVEL=debug, show it."""
        if self.debug:
            self.stderr.write(text)
        else:
            self.held.append(text)

    def show_held(self) -> None:
        """Show what was held back, because something has failed."""
        if self.held:
            self.stderr.write("entrypoint: held back until now, with LOG_LEVEL=debug at once:\n")
        while self.held:
            self.stderr.write(self.held.popleft())

    def ready(self) -> None:
        """Begin to show what supervisord says, and forget what it said of the start."""
        self.starting = False
        self.held.clear()

    def ended(self, process: str) -> None:
        """Show a line that a process has begun and will not end."""
        for (name, channel), lines in self.lines.items():
            if name == process and (rest := lines.rest()):
                self.heard(process.partition("-")[0], channel, rest, process)

    def sum_up(self, at_once: bool = False) -> None:
        """Say how often what was not shown each time came; to be called every five seconds."""
        for kind, count in self.repeated.summaries(at_once):
            if kind in master.SUMMARIES:
                self.warn(master.summary(kind, count.times))
            else:
                clients = count.clients.most_common(nginx.NAMED)
                more = len(count.clients) - len(clients)
                self.warn(nginx.summary(kind, count.times, clients, more))


class Stream:
    """A stream of bytes for supervisord's own lines, in the place of its stdout."""

    def __init__(self) -> None:
        """Keep what comes until it is known what becomes of it."""
        self.early: list[bytes] = []
        self.write: Callable[[bytes], None] = self.early.append

    def go_to(self, write: Callable[[bytes], None]) -> None:
        """Pass on all that has come, and from now on whatever comes."""
        self.write = write
        while self.early:
            write(self.early.pop(0))

    def finish(self) -> None:
        """Write what nobody has taken, because supervisord ends early."""
        if self.early:
            os.write(2, b"".join(self.early))

    def fileno(self) -> int:
        """Name a standard descriptor: supervisord leaves those open."""
        return 2

    def flush(self) -> None:
        """Do nothing, since nothing is kept back."""
