"""The program uWSGI: an application tried without a server, and its reload."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from stack.machine import processes, venvs
from stack.settings.errors import ConfigError
from stack.uwsgi import output

# Commands for uWSGI's fifo: replace the workers one after another; and one that it does not know,
# at which it looks for dead workers at once, instead of once a second.
CHAIN, NUDGE = "c", "x"

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
    )
    if answer.returncode:
        raise ConfigError(f"the application cannot be loaded:\n{output.telling(answer.stdout)}")


def renew(root: Path) -> Callable[[], bool]:
    """Have uWSGI replace its workers one after another, and return how to ask whether all are.

    It must be asked again and again: uWSGI ignores what it is told while it is still busy with the
    chain of an earlier reload.
    """
    master = int((root / "run/uwsgi.pid").read_text())
    old = processes.children(master, output.WORKER)
    last, asked = old, 0.0

    def renewed() -> bool:
        nonlocal last, asked
        now, word = processes.children(master, output.WORKER), NUDGE
        if now != last:
            last, asked = now, time.monotonic()
        elif old & now and time.monotonic() - asked > REPEAT:
            word = CHAIN
        if tell(root / "run/uwsgi.fifo", word) and word == CHAIN:
            asked = time.monotonic()
        return not old & now and len(now) >= len(old)

    return renewed


def tell(fifo: Path, word: str) -> bool:
    """Say a word to uWSGI, and return whether it could hear it.

    An ordinary write would wait until it listens: it does not for moments, and once it is gone.
    """
    try:
        descriptor = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return os.write(descriptor, word.encode()) == len(word)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def importing(root: Path) -> bool:
    """Say whether a worker of the stack below a root has not yet imported the application."""
    return output.importing(int((root / "run/uwsgi.pid").read_text()))
