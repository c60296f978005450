"""What uWSGI and the workers say: which of them still import, and why one gave up.

supervisord imports this, so it imports nothing of ours.
"""

from __future__ import annotations

import re
from pathlib import Path

LOG = "run/uwsgi.log"

# When so many workers have died while they imported the application, the start is given up.
VANISHED = 3
VANISHING = (
    b"entrypoint: error: the application ends its worker when it is imported, without a word: "
    b"by os._exit(), a crash in an extension, or for want of memory\n"
)

# Written by stack/worker when it cannot load an application.
REFUSAL = Path("run/refusal")

SPAWNED = re.compile(rb"spawned uWSGI worker .*?pid: (\d+)")
# How stack/worker's reports in the log begin.
REPORT = ("Traceback (most recent call last)", "entrypoint: error:")

LOADED = re.compile(rb"^WSGI app .* pid: (\d+)", re.MULTILINE)


def importing(said: bytes) -> bool:
    """Say whether a worker has been started that has not yet imported the application."""
    waiting = {*SPAWNED.findall(said)} - {*LOADED.findall(said)}
    return any(Path(f"/proc/{int(pid)}").exists() for pid in waiting)


def vanishing(said: bytes) -> bytes:
    """Return the reason if worker after worker died during the import; else nothing."""
    return VANISHING if said.count(b"DAMN ! worker") >= VANISHED else b""


def refusal() -> str:
    """Read why the application was not loaded, if it was not."""
    try:
        return REFUSAL.read_text(errors="replace")
    except OSError:
        return ""


def telling(output: str) -> str:
    """Cut a program's output down to our own report, or else to its last lines."""
    start = min((at for at in map(output.find, REPORT) if at >= 0), default=-1)
    return output[start:].strip() if start >= 0 else "\n".join(output.strip().splitlines()[-12:])
