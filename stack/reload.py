"""New code and new rules without a lost request: validate, write, change over."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from stack import run
from stack.errors import ConfigError
from stack.uwsgi import program

# Seconds: for workers that finish long requests, or import a large application, one after another.
PATIENCE = 300

# Seconds without a change after which uWSGI is asked again.
REPEAT = 2.0

# What uWSGI is asked: to replace its workers one after another; or nothing, by a word that it does
# not know, at which it looks for dead workers at once instead of once a second.
CHAIN, NUDGE = "c", "x"


def running(root: Path) -> dict[str, str]:
    """Return the environment of the stack that runs below a root: a reload must not change it."""
    try:
        supervisord = int((root / "run/supervisord.pid").read_text())
        here = Path(f"/proc/{supervisord}/cwd").samefile(root)
        environ = Path(f"/proc/{supervisord}/environ").read_bytes()
    except (OSError, ValueError):
        here, environ = False, b""
    if not here:
        raise ConfigError(f"nothing runs in {root} that this user could reload")
    pairs = (entry.partition(b"=") for entry in environ.split(b"\0") if entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def apply(root: Path, generated: Mapping[str, str]) -> bool:
    """Write the files, have both programs change over, and say whether they did in time."""
    run.write(root / "run", generated)
    renewed = [renew_nginx(root), renew_uwsgi(root)]
    return wait(lambda: all([done() for done in renewed])) and wait(
        lambda: not program.importing((root / program.LOG).read_bytes())
    )


def renew_nginx(root: Path) -> Callable[[], bool]:
    """Have nginx read its files anew, and tell how to see that the old workers are gone."""
    master = int((root / "run/nginx.pid").read_text())
    old = workers(master, "nginx: worker process\0")
    os.kill(master, signal.SIGHUP)
    # A connection that an old worker has accepted is served by the old rules to its end.
    return lambda: not old & workers(master, "nginx: worker process")


def renew_uwsgi(root: Path) -> Callable[[], bool]:
    """Have uWSGI replace its workers one after another, and tell how to see that all are.

    It must be called again and again: uWSGI ignores what it is told while it is still busy with the
    chain of an earlier reload.
    """
    master = int((root / "run/uwsgi.pid").read_text())
    old = workers(master, "uWSGI worker")
    last, asked = old, 0.0

    def renewed() -> bool:
        nonlocal last, asked
        now, word = workers(master, "uWSGI worker"), NUDGE
        if now != last:
            last, asked = now, time.monotonic()
        elif old & now and time.monotonic() - asked > REPEAT:
            word, asked = CHAIN, time.monotonic()
        (root / "run/uwsgi.fifo").write_text(word)
        return not old & now and len(now) >= len(old)

    return renewed


def workers(master: int, title: str) -> set[int]:
    """List a master's children whose title starts so; nginx changes it while one shuts down."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            name = (process / "cmdline").read_text(errors="replace")
        except OSError:
            continue
        if parent == master and name.startswith(title):
            found.add(int(process.name))
    return found


def wait(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, and say whether it came true in time."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
