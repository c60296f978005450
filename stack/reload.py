"""New code and new rules without a lost request: write, change over, wait."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from stack import run
from stack.errors import ConfigError
from stack.nginx import program as nginx
from stack.uwsgi import program as uwsgi

# Seconds. Workers are replaced one after another, and each may finish a long request or import a
# large application.
PATIENCE = 300


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
    renewed = [nginx.renew(root), uwsgi.renew(root)]
    return wait(lambda: all([done() for done in renewed])) and wait(
        lambda: not uwsgi.importing(root)
    )


def wait(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, and say whether it came true in time."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
