"""What uWSGI's master says, in the words of who has to act on it.

It has stderr to itself: its workers, and so the application, write to stdout
(stack/worker/main.py).
"""

from __future__ import annotations

import re
import signal
import time
from typing import NamedTuple

from stack.machine.text import safe

DATE = re.compile(rb"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} - ")

# How its lines begin at an ordinary start, reload and stop; what is not among these is shown.
USUAL = (
    b"*** HARAKIRI ON WORKER",
    b"*** Operational MODE",
    b"*** Starting uWSGI",
    b"*** Stats server enabled",
    b"*** WARNING: you are running uWSGI as root",
    b"!!! no internal routing",
    b"...gracefully killing",
    b"Gracefully killing worker",
    b"HARAKIRI !!!",
    b"OOPS ! failed loading app",
    b"SIGINT/SIGTERM received",
    b"PEP 405 virtualenv",
    b"Python main interpreter",
    b"Python version",
    b"Respawned uWSGI worker",
    b"Set PythonHome",
    b"WSGI app ",
    b"[uWSGI] getting INI",
    b"[uwsgi-daemons] ",
    b"chain ",
    b"clock source",
    b"compiled with version",
    b"current working directory",
    b"detected ",
    b"goodbye to uWSGI",
    b"graceful shutdown",
    b"lock engine",
    b"machine: ",
    b"mapped ",
    b"need-app requested",
    b"nodename: ",
    b"os: ",
    b"python threads support",
    b'running "unix_signal',
    b"setting request body",
    b"spawned uWSGI ",
    b"threads stack size",
    b"thunder lock",
    b"uWSGI running as root",
    b"uWSGI worker ",  # ... cheaped.
    b"uwsgi socket ",
    b"writing pidfile",
    b"your memory page size",
    b"your mercy for",
    b"your processes number",
    b"your server socket listen",
)
USUAL_OF_WORKERS = re.compile(rb"worker \d+ (?:killed successfully|buried after)|\s*$")

REQUEST = re.compile(rb"HARAKIRI \[core \d+\] \S* - (\S+) (\S*) since (\d+)$")
ENDING = re.compile(rb"\*\*\* HARAKIRI ON WORKER (\d+) \(pid: (\d+)")
ENDED = re.compile(rb"HARAKIRI (\(user\) )?triggered by worker (\d+) core")
DIED = re.compile(
    rb"DAMN ! worker (\d+) \(pid: (\d+)\) (?:died|MISTERIOUSLY)(?:,? killed by signal (\d+))?"
)
CUT = re.compile(rb"worker (\d+) \(pid: (\d+)\) is taking too much time to die")
TOO_FAST = re.compile(rb"worker respawning too fast !!! i have to sleep a bit \((\d+) seconds\)")

CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT}

# What is said of many of the same kind.
SUMMARIES = {
    b"ended": "workers were ended, because their requests took too long",
    b"died": "workers died, and were replaced",
    b"cut": "workers were ended at a reload, in the midst of a request",
    b"too fast": "times workers ended one after another",
}
MOST = 3  # of a kind are shown before they are counted


class Said(NamedTuple):
    """A line, as it is to be shown; without a kind it is the master's own."""

    kind: bytes
    text: str


class Master:
    """Reads its lines; what it says of a worker that took too long has several."""

    def __init__(self) -> None:
        """Know of no worker."""
        self.ending = b""
        self.requests: list[tuple[str, int]] = []
        self.ended: dict[bytes, bytes] = {}

    def read(self, line: bytes) -> Said | None:
        """Give what is to be shown of a line; None for what is usual."""
        words = line[date.end() :] if (date := DATE.match(line)) else line
        if found := ENDING.match(words):
            self.ending, self.requests = found[2], []
        elif found := REQUEST.match(words):
            self.note(found)
            return None
        elif found := ENDED.match(words):
            self.ended[found[2]] = self.ending
            return Said(b"ended", self.of_ended(found))
        elif found := DIED.match(words):
            if self.ended.pop(found[1], None) == found[2]:
                return None  # that it was ended has been said
            return Said(b"died", of_died(found))
        elif found := CUT.match(words):
            return Said(b"cut", of_cut(found))
        elif found := TOO_FAST.match(words):
            return Said(b"too fast", of_too_fast(found))
        usual = words.startswith(USUAL) or USUAL_OF_WORKERS.match(words)
        return None if usual else Said(b"", safe(line, 1000))

    def note(self, found: re.Match[bytes]) -> None:
        """Keep what a worker that is ended was at: with threads, it may be several requests."""
        if len(self.requests) < 10:
            path = safe(found[2].partition(b"?")[0], 300)
            self.requests.append((f"{safe(found[1], 30)} {path}", int(found[3])))

    def of_ended(self, found: re.Match[bytes]) -> str:
        """Say that a worker was ended, with what it was at."""
        setting = "REQUEST_TIMEOUT" if found[1] else "UWSGI_HARAKIRI"
        asked = " and ".join(request for request, _ in self.requests) or "its request"
        since = min((since for _, since in self.requests), default=0)
        took = f"took {max(0, int(time.time()) - since)} s" if since else "took too long"
        return (
            f"worker {found[2].decode()} (pid {self.ending.decode()}) was ended and is replaced: "
            f"{asked} {took}, and {setting} allows less; raise it, or have the application do long "
            "work elsewhere"
        )


def of_died(found: re.Match[bytes]) -> str:
    """Say that a worker died, of what, and where to look."""
    who = f"worker {found[1].decode()} (pid {found[2].decode()})"
    if not found[3]:
        return (
            f"{who} ended by itself and is replaced: it crashed in native code, if a line before "
            "says so (PYTHONFAULTHANDLER=1 shows where), or something calls os._exit(); the line "
            "with the status 502 or 503 names its request"
        )
    try:
        number = signal.Signals(int(found[3]))
    except ValueError:
        return f"{who} was killed by signal {found[3].decode()} and is replaced"
    if number in CRASHES:
        return (
            f"{who} crashed ({number.name}) and is replaced: in a package that is not all Python, "
            "or by a recursion that is too deep; PYTHONFAULTHANDLER=1 shows where; the line with "
            "the status 502 or 503 names its request"
        )
    return (
        f"{who} was killed ({number.name}) and is replaced: not by uWSGI; if it was for want of "
        "memory, a line says so; the line with the status 502 or 503 names its request"
    )


def of_cut(found: re.Match[bytes]) -> str:
    """Say that a worker's request outlasted the reload's patience."""
    return (
        f"worker {found[1].decode()} (pid {found[2].decode()}) was to be replaced, and was ended "
        "in the midst of a request: it took longer than SHUTDOWN_TIMEOUT leaves for that; raise it"
    )


def of_too_fast(found: re.Match[bytes]) -> str:
    """Say that workers end again and again."""
    return (
        f"workers end one after another; the next ones start in {found[1].decode()} s "
        "(UWSGI_FORKBOMB_DELAY): the lines before say what ends them; for want of memory, lower "
        "UWSGI_PROCESSES"
    )


def summary(kind: bytes, times: int) -> str:
    """Describe what was counted."""
    return f"{times} {SUMMARIES[kind]}"
