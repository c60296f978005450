"""New code and new rules without a lost request: one at a time, write, change over, wait."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from stack.commands import beside, tls
from stack.commands.prepare import Prepared, prepare, require, with_programs
from stack.commands.words import say
from stack.nginx import program as nginx
from stack.run import files
from stack.settings import static
from stack.settings.errors import ConfigError
from stack.settings.shutdown import Budget
from stack.settings.table import Settings
from stack.uwsgi import folders
from stack.uwsgi import program as uwsgi

# Seconds. Workers are replaced one after another, and each may finish a long request or import a
# large application.
PATIENCE = 300

# How the last one ended, for those that waited for it.
OUTCOME = "reload.json"


def reload(root: Path) -> int:
    """Have the running stack change over to what is on the disk now, when no other reload is at it.

    One that has waited asks how the last one ended: if that began after this one was asked for, it
    has read all that this one would, and its status and its mistakes are this one's too.
    """
    running(root)
    asked, outcome = time.monotonic(), root / "run" / OUTCOME
    with files.locked(root / "run", lambda: say("waiting for another reload to end")):
        last = json.loads(outcome.read_text()) if outcome.exists() else None
        if last and last["began"] > asked:
            say("another reload, which began after this one was asked for, has done its work")
            if last["mistakes"]:
                raise ConfigError(*last["mistakes"])
            return int(last["status"])
        began, status = time.monotonic(), os.EX_CONFIG
        mistakes: tuple[str, ...] = ()
        outcome.unlink(missing_ok=True)
        try:
            status = change_over(root)
        except ConfigError as error:
            mistakes = error.args
            raise
        finally:
            found = {"began": began, "status": status, "mistakes": mistakes}
            files.write(root / "run", {OUTCOME: json.dumps(found)})
        return status


def change_over(root: Path) -> int:
    """Test what is on the disk, write it, and wait until all programs use it."""
    environ = with_programs(beside.as_given(running(root)))
    settings = Settings.from_environ(environ)
    require(static.missing(vars(settings)))
    certificate, given = tls.newest(root, settings), Budget.given(environ)
    prepared = prepare(root, settings, environ, certificate, given=given)
    own = prepared.programs.all or "[program:" in (root / "run/programs.conf").read_text()
    if not changed_over(root, settings, prepared, environ):
        say(f"error: the reload goes on, {PATIENCE} s after it began; see the log")
        return 1
    if own and not restart_programs(root, prepared.budget.programs):
        return 1
    say("reloaded")
    return os.EX_OK


def changed_over(
    root: Path, settings: Settings, prepared: Prepared, environ: Mapping[str, str]
) -> bool:
    """Have both programs change over, once the application was tried, and say whether they did."""
    for program in ("nginx", "uwsgi"):
        if not served(root, program):
            raise ConfigError(f"{program} does not run just now; nothing was changed, try again")
    # Imported only where needed: it takes as long as all else.
    from stack.commands import succeed

    if succeed.possible(root):
        return succeed.take_over(root, settings, prepared, lambda done: wait(root, done))
    with files.rehearsal(root, prepared.files) as copy:
        uwsgi.try_application(root, copy, environ)
    return apply(root, prepared.files)


def restart_programs(root: Path, seconds: int) -> bool:
    """Start the operator's own programs again, who have so many seconds for their last jobs."""
    # Imported only where needed: it takes as long as all else.
    from stack.programs import control

    return control.restart(seconds, lambda done, limit: wait(root, done, limit), say)


def running(root: Path) -> dict[str, str]:
    """Return the environment of the stack that runs below a root: a reload must not change it."""
    environ = beside.environment(root, "reload")
    if environ is None:
        raise ConfigError(f"nothing runs in {root} that this user could reload")
    return environ


def apply(root: Path, generated: Mapping[str, str]) -> bool:
    """Write the files, have nginx and all of uWSGI's workers replaced, and wait for that."""
    files.write(root / "run", generated)
    renewed = [nginx.renew(root), uwsgi.renew(root)]
    return wait(root, lambda: all([done() for done in renewed])) and wait(
        root, lambda: not uwsgi.importing(root)
    )


def served(root: Path, program: str) -> bool:
    """Say whether a program's pid file names it: one that was killed leaves the file behind."""
    try:
        folder = root / (folders.SERVING if program == "uwsgi" else "run")
        master = int((folder / f"{program}.pid").read_text())
        return program in Path(f"/proc/{master}/cmdline").read_text().lower()
    except (OSError, ValueError):
        return False


def wait(root: Path, condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Wait for a condition, and say whether it came true in time and while the stack ran."""
    end = time.monotonic() + patience
    while not condition():
        running(root)
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
