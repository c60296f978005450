"""A reload by a second uWSGI, which takes over when its application has answered."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from xmlrpc.client import Error

from stack import health
from stack.commands.prepare import Prepared
from stack.commands.words import say
from stack.machine import cgroup, oom, processes, unix_queue
from stack.nginx import program as nginx
from stack.run import files, supervisor
from stack.settings.errors import ConfigError
from stack.settings.table import Settings
from stack.uwsgi import fifo, folders, memory, output, question

Wait = Callable[[Callable[[], bool]], bool]

# Looks in a row that have to find nobody waiting for the one that is to leave: a connection that is
# just being made had the old address.
LOOKS = 4

PLAN = "application.json"

KILLED = "the kernel killed the process that imported it, for want of memory"
MORE_MEMORY = "raise the limit (docker run --memory), or lower UWSGI_PROCESSES"


def possible(root: Path) -> bool:
    """Say whether uWSGI's master has imported the application; else its workers are replaced."""
    return (root / folders.SERVING / folders.PRELOADED).exists()


def take_over(root: Path, settings: Settings, prepared: Prepared, wait: Wait) -> bool:
    """Have a second uWSGI serve what is on the disk now, and say whether that was done in time.

    ConfigError if its application cannot serve: then nothing was changed.
    """
    supervision = supervisor.interface("supervision")
    serving = (root / folders.SERVING).resolve()
    old = int((serving / "uwsgi.pid").read_text())
    require_room(old)
    if not wait(lambda: len(supervision.state()) == 1):  # a reload that was killed left another
        return False
    new = tried(root, settings, prepared.files, supervision, wait)
    if not new:
        return False
    files.write(root / "run", prepared.files)
    renewed = nginx.renew(root)
    if not supervision.promote():
        raise ConfigError("uwsgi was stopped meanwhile; nothing was changed but nginx's rules")
    (root / folders.SERVING / PLAN).unlink()  # run/ has the same by now
    return wait(deserted(serving, old)) and wait(left(supervision, serving)) and wait(renewed)


def require_room(master: int) -> None:
    """Raise ConfigError if the limit of memory has no room for the application a second time."""
    used, limit = cgroup.memory_used(), cgroup.memory()
    if used is None or limit is None:
        return
    of_workers = len(processes.children(master, output.WORKER)) * memory.WRITTEN_TO
    needed = processes.anonymous(master) + of_workers + memory.NGINX  # the command is there already
    if needed > (left := limit - used[1]):
        raise ConfigError(
            f"a reload has the application in memory twice for a while, which takes "
            f"{needed >> 20} MiB, and the limit leaves {max(0, left) >> 20}; nothing was changed: "
            "raise the limit (docker run --memory), or start the container anew"
        )


def tried(
    root: Path, settings: Settings, generated: Mapping[str, str], supervision: Any, wait: Wait
) -> int:
    """Start a second uWSGI, and give its number when its application has answered; else 0."""
    folder = folders.other(root)
    folders.clear(root / folder)
    (root / folder).mkdir(mode=0o700)
    files.write(root / folder, {PLAN: generated[PLAN]})
    kills = cgroup.oom_kills()
    master = int(supervision.begin(str(folder), os.getpid()))
    if not master:
        raise ConfigError("uwsgi does not run just now; nothing was changed, try again")
    try:
        oom.rank(master, oom.FIRST)
        if not wait(lambda: ready(root / folder, master, kills)):
            supervision.abandon()
            return 0
        compare(settings, root / folder / "uwsgi.sock", root / folders.SOCKET, kills)
    except BaseException:
        with suppress(Exception):
            supervision.abandon()
        raise
    for pid in (master, *processes.children(master, output.WORKER)):
        oom.rank(pid, oom.LAST)
    return master


def ready(folder: Path, master: int, kills: int | None) -> bool:
    """Say whether all its workers have loaded; ConfigError if it has ended."""
    if not processes.alive(master):
        if stopping():
            raise ConfigError("the stack is stopped meanwhile; nothing was changed")
        raise ConfigError(f"the application cannot be loaded:\n{why(folder, kills)}")
    return bool(output.loaded(master, folder)) and not output.importing(master, folder)


def starved(kills: int | None) -> bool:
    """Say whether the kernel has killed for want of memory since it had done so this often."""
    return kills is not None and (cgroup.oom_kills() or 0) > kills


def stopping() -> bool:
    """Say whether supervisord is about to end, or has."""
    try:
        return bool(supervisor.interface("supervisor").getState()["statename"] != "RUNNING")
    except (OSError, Error):
        return True


def why(folder: Path, kills: int | None) -> str:
    """Say why it has ended."""
    if starved(kills):
        return f"{KILLED}; {MORE_MEMORY}"
    said = {}
    for name in ("refusal", "uwsgi.log", "uwsgi-master.log"):
        with suppress(OSError):
            said[name] = (folder / name).read_text(errors="replace")
    if text := said.get("refusal"):
        return output.telling(text)
    if (folder / "importing").exists():
        words = output.telling(said.get("uwsgi.log", ""))
        return f"{words}\nits process was killed, or ended itself, while it was imported".strip()
    return output.telling("".join(said.values())) or "it ended without a word"


def compare(settings: Settings, new: Path, serving: Path, kills: int | None) -> None:
    """Raise ConfigError if the new application answers with an error where the old one does not."""
    path = settings.health_path
    named = path if settings.sources["HEALTH_PATH"] != "default" else ""
    said = question.status(new, path)
    if health.well(said, named):
        return
    if not said and starved(kills):
        raise ConfigError(f"{KILLED}; nothing was changed: {MORE_MEMORY}")
    before = question.status(serving, path)
    if health.well(before, named):
        raise ConfigError(
            f"the new application answers {path} with {said or 'nothing'}, and the one that serves "
            f"with {before}; nothing was changed: see the log, and mend it"
            + ("" if named else ", or set HEALTH_PATH to a page that tells whether it is well")
        )
    say(f"warning: {path} is answered with {said or 'nothing'}, as it was before")


def deserted(folder: Path, master: int) -> Callable[[], bool]:
    """Return how to ask whether nobody waits any more for a uWSGI that nginx does not use now."""
    path = f"run/{folder.name}/uwsgi.sock"
    looks = 0

    def look() -> bool:
        nonlocal looks
        queue = unix_queue.queue(path, master)
        looks = 0 if queue and queue.length else looks + 1
        return looks >= LOOKS

    return look


def left(supervision: Any, folder: Path) -> Callable[[], bool]:
    """Have the one that served finish its requests, and return how to ask whether it is gone."""
    supervision.retire()

    def gone() -> bool:
        fifo.tell(folder / "uwsgi.fifo", fifo.NUDGE)
        return len(supervision.state()) == 1

    return gone
