"""Run by uWSGI's master while DEV is on: its worker starts again when a file changes."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from stack.machine.processes import children
from stack.uwsgi.fifo import NUDGE
from stack.uwsgi.folders import SERVING
from stack.uwsgi.output import WORKER
from stack.worker.plan import Plan

INTERVAL = 0.25  # seconds between two looks

# Kinds of files that are part of an application; its data may lie beside them, and change often.
SUFFIXES = (".py", ".html", ".jinja", ".jinja2", ".j2", ".toml", ".cfg", ".ini", ".yaml", ".yml")

FIFO = SERVING / "uwsgi.fifo"
PIDFILE = SERVING / "uwsgi.pid"


def seen(folder: str) -> dict[str, float]:
    """Map each file that counts to the time of its last change."""
    found: dict[str, float] = {}
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [each for each in folders if counts(place, each)]
        for name in names:
            if name.endswith(SUFFIXES):
                with contextlib.suppress(OSError):
                    found[f"{place}/{name}"] = Path(place, name).stat().st_mtime
    return found


def counts(place: str, folder: str) -> bool:
    """Say whether a folder's files count: neither caches nor installed packages do."""
    skipped = folder.startswith(".") or folder in ("__pycache__", "node_modules")
    return not skipped and not Path(place, folder, "pyvenv.cfg").exists()


def replace(master: int) -> None:
    """Have the worker finish its request, and wait until the master has put another in its place.

    A signal that comes during the import is lost, so it is repeated. The master looks for dead
    workers once a second, and at once when it is sent something, here a word without a meaning.
    """
    old, asked = children(master, WORKER), 0.0
    while old & (now := children(master, WORKER)) or not now:
        if time.monotonic() - asked > 1:
            asked = time.monotonic()
            for pid in old & now:
                os.kill(pid, signal.SIGHUP)
        FIFO.write_text(NUDGE)
        time.sleep(0.02)


def watch(folder: str, since: float) -> None:
    """Look for changes for ever, beginning with those since a time (seconds since the epoch)."""
    last = {path: changed for path, changed in seen(folder).items() if changed <= since}
    while True:
        time.sleep(INTERVAL)
        now = seen(folder)
        if now != last:
            changed = sorted({path for path, _ in now.items() ^ last.items()})
            print(
                f"entrypoint: {changed[0]} has changed: loading the application again", flush=True
            )
            last = now
            replace(int(PIDFILE.read_text()))


if __name__ == "__main__":
    plan = Path("run/application.json")
    watch(Plan.read(plan.read_text()).folder, plan.stat().st_mtime)
