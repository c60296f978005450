"""uWSGI: what it says, and an application tried without a server."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from stack.settings import ConfigError

LOG = "run/uwsgi.log"

SPAWNED = re.compile(rb"spawned uWSGI worker .*?pid: (\d+)")
LOADED = re.compile(rb"^WSGI app .* pid: (\d+)", re.MULTILINE)


def importing(said: bytes) -> bool:
    """Say whether a worker has been started that has not yet imported the application."""
    waiting = {*SPAWNED.findall(said)} - {*LOADED.findall(said)}
    return any(Path(f"/proc/{int(pid)}").exists() for pid in waiting)


def try_application(environ: Mapping[str, str]) -> None:
    """Have a uWSGI without a server import the application, as a worker will."""
    command = ["uwsgi", "--strict", "--no-server", "--single-interpreter", "--enable-threads"]
    module = environ["APP_MODULE"]
    command += ["--home", sys.prefix, "--pythonpath", "app", "--module", module]
    own = {name: value for name, value in environ.items() if not name.startswith("UWSGI_")}
    answer = subprocess.run(
        command, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if answer.returncode or "unable to load app" in answer.stdout:
        raise ConfigError(f"APP_MODULE: {module!r}: cannot be loaded:\n{telling(answer.stdout)}")


def telling(output: str) -> str:
    """Keep what tells why: of an application that does not load its traceback, else the end."""
    before, failed, after = output.partition("unable to load app")
    if not failed:
        return "\n".join(output.strip().splitlines()[-12:])
    start = before.rfind("Traceback (most recent call last)")
    reason = before[start:] if start >= 0 else "\n".join(before.splitlines()[-1:])
    return f"{reason.strip()}\n{failed}{after.splitlines()[0]}"
