"""uWSGI: what it says, and an application tried without a server."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stack.errors import ConfigError
from stack.machine import venvs
from stack.settings.table import Settings

LOG = "run/uwsgi.log"

# So many workers may end while they import the application, before it is taken for its fault.
VANISHED = 3
VANISHING = (
    b"entrypoint: error: the application ends its worker when it is imported, without a word: "
    b"by os._exit(), a crash in an extension, or for want of memory\n"
)

# What stack/worker leaves when it cannot load an application.
REFUSAL = Path("run/refusal")

SPAWNED = re.compile(rb"spawned uWSGI worker .*?pid: (\d+)")
# How a report of stack/worker begins.
REPORT = ("Traceback (most recent call last)", "entrypoint: error:")

LOADED = re.compile(rb"^WSGI app .* pid: (\d+)", re.MULTILINE)


# Seconds between nginx's 504 and the end of the request that was given up: uWSGI looks at its clock
# once a second.
GRACE = 1


def environ(settings: Settings) -> dict[str, str]:
    """Name the settings as uWSGI reads them from its environment."""
    options = {
        "UWSGI_PROCESSES": settings.uwsgi_processes,
        "UWSGI_THREADS": settings.uwsgi_threads,
        "UWSGI_LISTEN": settings.uwsgi_listen,
    }
    if settings.uwsgi_threads == 1:
        # With threads it would end the others' requests too, and any of them would put it off.
        options["UWSGI_HARAKIRI"] = settings.request_timeout + GRACE
    return {name: str(value) for name, value in options.items()}


def importing(said: bytes) -> bool:
    """Say whether a worker has been started that has not yet imported the application."""
    waiting = {*SPAWNED.findall(said)} - {*LOADED.findall(said)}
    return any(Path(f"/proc/{int(pid)}").exists() for pid in waiting)


def vanishing(said: bytes) -> bytes:
    """Say that the application ends its workers, if it does so again and again; else nothing."""
    return VANISHING if said.count(b"DAMN ! worker") >= VANISHED else b""


def refusal() -> str:
    """Read why the application was not loaded, if it was not."""
    try:
        return REFUSAL.read_text(errors="replace")
    except OSError:
        return ""


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
        raise ConfigError(f"the application cannot be loaded:\n{telling(answer.stdout)}")


def telling(output: str) -> str:
    """Keep what tells why: of an application that does not load our report, else the end."""
    start = min((at for at in map(output.find, REPORT) if at >= 0), default=-1)
    return output[start:].strip() if start >= 0 else "\n".join(output.strip().splitlines()[-12:])
