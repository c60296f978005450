"""The program uWSGI: an application tried without a server, and its reload."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from stack.machine import oom, processes, venvs
from stack.settings.errors import ConfigError
from stack.uwsgi import fifo, folders, output

# After so many seconds without a change it is asked again.
REPEAT = 2.0


def try_application(root: Path, rehearsal: Path, environ: Mapping[str, str]) -> None:
    """Have a uWSGI without a server import what a rehearsal's application.json names."""
    command = ["uwsgi", "--strict", "--no-server", "--single-interpreter", "--enable-threads"]
    command += ["--home", venvs.applications(), "--wsgi-file", f"{root}/stack/worker/loader.py"]
    own = {name: value for name, value in environ.items() if not name.startswith("UWSGI_")}
    answer = subprocess.run(
        command,
        env=own,
        cwd=rehearsal,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=partial(oom.rank, "self", oom.FIRST),
    )
    if answer.returncode == -signal.SIGKILL:
        raise ConfigError(
            "the application was not tried: the kernel killed the process that imported it, for "
            "want of memory; raise the limit (docker run --memory), or lower UWSGI_PROCESSES"
        )
    if answer.returncode:
        raise ConfigError(f"the application cannot be loaded:\n{output.telling(answer.stdout)}")


def renew(root: Path) -> Callable[[], bool]:
    """Have uWSGI replace its workers one after another, and return how to ask whether all are.

    It must be asked again and again: uWSGI ignores what it is told while it is still busy with the
    chain of an earlier reload.
    """
    master = int((root / folders.SERVING / "uwsgi.pid").read_text())
    old = processes.children(master, output.WORKER)
    last, asked = old, 0.0

    def renewed() -> bool:
        nonlocal last, asked
        now, word = processes.children(master, output.WORKER), fifo.NUDGE
        if now != last:
            last, asked = now, time.monotonic()
        elif old & now and time.monotonic() - asked > REPEAT:
            word = fifo.CHAIN
        if fifo.tell(root / folders.SERVING / "uwsgi.fifo", word) and word == fifo.CHAIN:
            asked = time.monotonic()
        return not old & now and len(now) >= len(old)

    return renewed


def importing(root: Path) -> bool:
    """Say whether a worker of the stack below a root has not yet imported the application."""
    return output.importing(int((root / folders.SERVING / "uwsgi.pid").read_text()))
