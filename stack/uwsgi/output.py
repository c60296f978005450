"""What uWSGI's workers are at: which of them still import, and why one gave up.

Facts come from the kernel. What the log tells is believed only if the kernel has it too.
"""

from __future__ import annotations

import re
from pathlib import Path

from stack.machine import processes, regular
from stack.uwsgi import folders

# What uWSGI calls its workers, and what one calls itself that has loaded (stack/worker/main.py).
WORKER = "uWSGI worker"
LOADED = "uwsgi-loaded"

# There while uWSGI's master imports the application for all its workers.
IMPORTING = folders.SERVING / "importing"

# There when it has.
PRELOADED = folders.SERVING / folders.PRELOADED

# When so many workers have died while they imported the application, the start is given up.
VANISHED = 3
VANISHING = (
    b"entrypoint: error: the application ends its worker when it is imported, without a word: "
    b"by os._exit(), a crash in an extension, or for want of memory\n"
)

# Made by stack/worker when it has loaded an application.
ONCE_LOADED = folders.SERVING / "loaded"

# Written by stack/worker when it cannot load an application.
REFUSAL = folders.SERVING / "refusal"
LONGEST_REFUSAL = 64 << 10  # bytes

DIED = re.compile(rb"^DAMN ! worker \d+ \(pid: (\d+)\) died", re.MULTILINE)
# How stack/worker's reports in the log begin.
REPORT = ("Traceback (most recent call last)", "entrypoint: error:")


def importing(master: int, folder: Path = folders.SERVING) -> bool:
    """Say whether uWSGI has a worker that has not yet imported the application."""
    return bool(processes.children(master, WORKER) - loaded(master, folder))


def loaded(master: int, folder: Path = folders.SERVING) -> set[int]:
    """List uWSGI's workers that have the application: all, where its master has imported it."""
    workers = processes.children(master, WORKER)
    if (folder / folders.PRELOADED).exists():
        return workers
    return {pid for pid in workers if processes.name(pid) == LOADED}


def vanishing(said: bytes) -> bytes:
    """Return the reason if worker after worker died during the import; else nothing."""
    died = {pid for pid in DIED.findall(said) if not Path(f"/proc/{int(pid)}").exists()}
    return VANISHING if len(died) >= VANISHED else b""


def failed_import() -> str:
    """Say why the application was not loaded, if uWSGI has ended of that."""
    return refusal() or (VANISHING.decode() if IMPORTING.exists() else "")


def refusal() -> str:
    """Read why the application was not loaded, if it was not."""
    try:
        # The application can write there too, and supervisord, which asks, must never wait.
        return regular.content(REFUSAL, LONGEST_REFUSAL).decode(errors="replace")
    except OSError:
        return ""


def telling(output: str) -> str:
    """Cut a program's output down to our own report, or else to its last lines."""
    start = min((at for at in map(output.find, REPORT) if at >= 0), default=-1)
    return output[start:].strip() if start >= 0 else "\n".join(output.strip().splitlines()[-12:])
