"""Processes: which descend from which, what they take, and whether they are gone."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
from contextlib import suppress
from pathlib import Path

from dev import Problem

PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
TICK = os.sysconf("SC_CLK_TCK")


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent dies, so that none can get away."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def stat(pid: int) -> list[str]:
    """Read the fields of proc(5)'s stat from the state on; none when the process is gone."""
    with suppress(OSError):
        # The name, in brackets, may hold anything.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def descendants(roots: list[int]) -> list[int]:
    """List these processes, as far as they live, and all that descend from them."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        fields = stat(int(entry.name))
        if fields and fields[0] != "Z":
            parents[int(entry.name)] = int(fields[1])
    found = [pid for pid in roots if pid in parents]
    for pid in found:
        found += [child for child in parents if parents[child] == pid and child not in found]
    return found


def pss(pids: list[int]) -> float | None:
    """Add up what these processes take of the memory, in MB; None if that may not be read."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except PermissionError:
            return None
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024 / 1e6


def cpu(pids: list[int]) -> float:
    """Add up the CPU time of these processes, and of their children that have ended, in seconds."""
    return sum(sum(map(int, fields[11:15])) for fields in map(stat, pids) if fields) / TICK


def ended() -> float:
    """Add up the CPU time of our own children that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def end(pids: list[int], what: str) -> None:
    """Kill what outlived its stack, and say so: nothing may."""
    if left := remaining(pids, patience=2):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise Problem(f"{what} left processes behind, which are killed now: {left}")


def remaining(pids: list[int], patience: float) -> list[int]:
    """List those that still live when the patience, in seconds, is at its end."""
    deadline = time.monotonic() + patience
    while left := [pid for pid in pids if stat(pid)[:1] not in ([], ["Z"])]:
        if time.monotonic() > deadline:
            return left
        time.sleep(0.02)
    return []


def reap() -> None:
    """Take leave of adopted children that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
