"""Processes of this machine: whose they are, what they take, and that none is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from tests.support.wait import wait_until


def at_work(sessions: Collection[int], folder: Path) -> list[int]:
    """List the living processes of these sessions, and those whose working directory this is."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            ours = os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE
            if ours or process.cwd() == str(folder):
                found.append(process.pid)
    return found


def descending(pid: int) -> list[int]:
    """List a process and all that descend from it, as far as they live."""
    found = []
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
    return found


def name(pid: int) -> str:
    """Read the name that a process has given itself; none if it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    return ""


def command(pid: int) -> str:
    """Read how a process was called; nothing if it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def cpu(pids: Iterable[int]) -> float:
    """Add up the CPU time of processes, and of their children that have ended, in seconds."""
    used = 0.0
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


def pss(pids: Iterable[int]) -> float | None:
    """Add up what processes take of the memory (PSS), in MB; None if that may not be read."""
    taken = 0
    for pid in pids:
        try:
            taken += psutil.Process(pid).memory_full_info().pss
        except psutil.AccessDenied:
            return None
        except psutil.NoSuchProcess:
            continue
    return taken / 1e6


def kill(pids: Iterable[int]) -> None:
    """Kill processes, some of which may have ended."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def outlived(find: Callable[[], list[int]]) -> list[int]:
    """Find what is still there ten seconds after its stack was stopped, and kill it."""
    with suppress(AssertionError):
        wait_until(lambda: not find(), timeout=10)
        return []
    left = find()
    kill(left)
    return left
