"""Processes that the application starts with multiprocessing: they end with their worker."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import uwsgi  # made by uWSGI itself

# The title of a process that was forked in a worker; without it, it would bear the worker's.
TITLE = "child of uWSGI worker"

# In the command line of the other kinds: those that are spawned, and what multiprocessing needs.
MODULE = "from multiprocessing."

GRACE = 1.0  # seconds in all that they have to end when they are told to


def look_after() -> None:
    """End the children of this worker with it, and those that a killed one left, now."""
    if not uwsgi.masterpid():  # a trial import, without a server
        return
    os.register_at_fork(after_in_child=rename)
    worker = os.getpid()
    # Called before what Python does at its end: that would wait for children that are no daemons,
    # until uWSGI loses patience and kills the worker alone.
    uwsgi.atexit = lambda: end() if os.getpid() == worker else None
    sweep(uwsgi.masterpid())


def rename() -> None:
    """Give a process that was forked a title of its own."""
    uwsgi.setprocname(f"{TITLE} {uwsgi.worker_id()}")


def end() -> None:
    """End all processes that multiprocessing has started here."""
    if "multiprocessing" not in sys.modules:
        return
    from multiprocessing import active_children

    children = active_children()
    for child in children:
        child.terminate()
    limit = time.monotonic() + GRACE
    for child in children:
        child.join(max(0.0, limit - time.monotonic()))
        child.kill()


def sweep(master: int) -> None:
    """Kill what is left of workers that were killed: in our process group, and nobody's child."""
    parents, group = {}, os.getpgrp()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            _, parent, process_group = entry.read_text().rpartition(")")[2].split()[:3]
            if int(process_group) == group:
                parents[int(entry.parent.name)] = int(parent)
    kept = {master}
    while found := {pid for pid, parent in parents.items() if parent in kept} - kept:
        kept |= found
    for pid in parents.keys() - kept:
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
            if words.startswith(TITLE) or MODULE in words:
                os.kill(pid, signal.SIGKILL)
