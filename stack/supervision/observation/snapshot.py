"""What can be read without waiting for anybody: from supervisord, /proc, the cgroup and run/."""

from __future__ import annotations

import json
import platform
import resource
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from supervisor.states import ProcessStates, getProcessStateDescription

from stack.machine import cgroup, regular, unix_queue
from stack.supervision.observation.counting import Requests
from stack.supervision.observation.deaths import Deaths
from stack.supervision.observation.uwsgi_stats import Worker
from stack.supervision.observation.windows import Minute
from stack.supervision.succession import NEXT, PREVIOUS

RUN = Path("run")

# Without these nobody is served; others are programs of the operator's own.
SERVERS = ("uwsgi", "nginx")

PAGE = resource.getpagesize()

# Bytes of a file below run/ that is read here: ours have a few hundred.
LONGEST = 64 << 10


@dataclass(frozen=True)
class Program:
    """One of supervisord's."""

    name: str
    state: str  # as supervisorctl says it: RUNNING, BACKOFF ...
    pid: int
    since: float  # seconds since 1970
    exits: int  # that nobody had asked for
    stopped: bool  # by a signal, so that it does nothing, whatever the state is


@dataclass(frozen=True)
class Now:
    """All that is known at one moment; what is not known is None."""

    time: float
    began: float
    requests: Requests
    minute: Minute
    deaths: Deaths
    programs: list[Program]
    workers: list[Worker]
    workers_age: float | None  # seconds since uWSGI has said so
    uwsgi_answers: bool
    connections: dict[str, int]
    nginx_answers: bool
    queue: unix_queue.Queue | None
    memory: tuple[int, int] | None
    memory_limit: int | None
    oom_kills: int | None
    oom_at: float | None  # when the last of them was noticed, in seconds since 1970
    room: tuple[int, int]  # bytes of run/ in all, and free
    rss: dict[int, int]
    facts: dict[str, Any]
    loaded: bool
    reload: tuple[float, bool] | None
    certificate_end: float | None
    log_lost: int
    failures: int

    @property
    def up(self) -> list[Worker]:
        """List the workers that there should be: all but those that cheaper has sent away."""
        return [each for each in self.workers if each.state not in ("cheap", "pause")]

    @property
    def alive(self) -> list[Worker]:
        """List those that can serve."""
        return [each for each in self.up if each.pid]

    @property
    def busy(self) -> list[Worker]:
        """List those that have as many requests as they can be at."""
        return [each for each in self.alive if each.busy >= each.cores]

    @property
    def longest(self) -> float | None:
        """Say how long the oldest of the running requests has been at work, in seconds."""
        began = [each.since for worker in self.alive for each in worker.running]
        return max(0.0, self.time - min(began)) if began else None

    @property
    def queued(self) -> int | None:
        """Say how many requests wait for a worker."""
        return self.queue.length if self.queue else None

    def program(self, name: str) -> Program | None:
        """Find a program."""
        return next((each for each in self.programs if each.name == name), None)


def programs(supervisord: Any, exits: Counter[str]) -> Iterator[Program]:
    """List supervisord's programs, in the order in which they start."""
    for group in sorted(supervisord.process_groups.values()):
        for process in list(group.processes.values()):
            if process.config.name in (NEXT, PREVIOUS):
                continue  # there for the time of a reload
            name, pid = process.config.name, process.pid
            state = getProcessStateDescription(process.state)
            runs = process.state in (ProcessStates.RUNNING, ProcessStates.STARTING)
            stopped = bool(pid) and state_of(pid) in ("T", "t")
            since = process.laststart if runs else process.laststop
            yield Program(name, state, pid, since, exits[name], stopped)


def state_of(pid: int) -> str:
    """Read the kernel's letter for what a process is at (proc(5)); none if it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def rss(pid: int) -> int | None:
    """Return the bytes of memory that a process has, shared ones too; None if it is gone.

    The file is one that the kernel writes without waiting for the process's own locks.
    """
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return None


def room() -> tuple[int, int]:
    """Say how many bytes run/ has in all and how many are free, without those kept for others."""
    found = shutil.disk_usage(RUN)
    return found.used + found.free, found.free


def facts() -> dict[str, Any]:
    """Read what the last start or reload has told of the settings, and add the versions."""
    with suppress(OSError, ValueError, LookupError, TypeError):
        found = written("facts.json")
        began = (RUN / "facts.json").stat().st_mtime_ns
        found["versions"] = {"nginx": found["nginx"], **versions(began)}
        return found
    return {}


def written(name: str) -> dict[str, Any]:
    """Read a file below run/: the application can write there too, and this must never wait."""
    return dict(json.loads(regular.content(RUN / name, LONGEST)))


@lru_cache(maxsize=1)
def versions(_written: int) -> dict[str, str]:
    """Look up the versions that a start or reload, known by when it wrote its facts, has loaded.

    supervisord imports what this needs; to the entrypoint it would be a fifth of its start.
    """
    packages = {"uwsgi": "uWSGI", "supervisor": "supervisor", "flask": "Flask"}
    found = {name: metadata.version(package) for name, package in packages.items()}
    return {"python": platform.python_version(), **found}


def last_reload(since: float) -> tuple[float, bool] | None:
    """Say when the last reload ended, and whether it went well; None if there was none."""
    with suppress(OSError, ValueError, LookupError, TypeError):
        ended = (RUN / "reload.json").stat().st_mtime
        if ended > since:
            return ended, written("reload.json")["status"] == 0
    return None


def certificate_end() -> float | None:
    """Say when the certificate ends, in seconds since 1970; None without one."""
    with suppress(OSError, ValueError, LookupError, TypeError):
        return float(written("certificate.json")["ends"])
    return None


def memory() -> tuple[tuple[int, int] | None, int | None, int | None]:
    """Say what the container uses, what it may, and how many processes that has cost."""
    return cgroup.memory_used(), cgroup.memory(), cgroup.oom_kills()
