"""run/programs.conf: the operator's programs as supervisord is to run them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from stack.machine import venvs
from stack.programs import options
from stack.programs.checking import Program, Programs, stop_seconds
from stack.programs.reading import FOLDER

# What a program has that says nothing of it.
SUPPLIED = {
    # Less than 4 would take a program that dies at once for one that runs.
    "startsecs": "5",
    # For a minute or so: what it needs, a queue's server say, may be away for a moment.
    "startretries": "10",
    "killasgroup": "true",
    "redirect_stderr": "true",
}


def files(root: Path, programs: Programs, timeout: int) -> dict[str, str]:
    """Render the file, by its name below run/."""
    parts = [section(root, each, timeout) for each in programs.all]
    return {"programs.conf": "\n".join(parts) or f"; {FOLDER} holds no program.\n"}


def section(root: Path, program: Program, timeout: int) -> str:
    """Render one program.

    Its values as they were given: what they take from the environment may be secret, and is put in
    by supervisord.
    """
    merged = {**supplied(program, timeout), **taken(root, program)}
    # supervisord warns of a file for errors that go elsewhere.
    together = options.is_on(merged["redirect_stderr"])
    for channel in ("stdout",) if together else ("stdout", "stderr"):
        merged |= log(channel)
    merged["command"] = f"{as_the_application(root)} {merged['command']}"
    lines = [f"{name} = {indented(value)}" for name, value in merged.items()]
    return "\n".join([f"; {program.section.at()}", f"[program:{program.name}]", *lines, ""])


def taken(root: Path, program: Program) -> Mapping[str, str]:
    """Give the options that supervisord is told as they are."""
    here = str(root / FOLDER)
    return {
        name: value.replace("%(here)s", here)
        for name, value in program.section.given.items()
        if name in options.OPTIONS and name != "start_at_once"
    }


def supplied(program: Program, timeout: int) -> dict[str, str]:
    """Give the options that it says nothing of."""
    found = {**SUPPLIED, "stopwaitsecs": str(stop_seconds(program, timeout))}
    if program.values.get("autorestart", "true").lower() in ("false", "no", "off", "0"):
        found["startsecs"] = "0"  # it may end, and at any time
    if int(program.values.get("numprocs", "1")) > 1:
        found["process_name"] = "%(program_name)s_%(process_num)02d"
    return found


def log(channel: str) -> dict[str, str]:
    """Give what makes output an event, for the container's log, and keeps its end in a file."""
    return {
        f"{channel}_events_enabled": "true",
        f"{channel}_logfile": f"run/program-%(program_name)s-%(process_num)d.{channel}",
        f"{channel}_logfile_maxbytes": "64KB",
        f"{channel}_logfile_backups": "0",
    }


def as_the_application(root: Path) -> str:
    """Give the words before a command by which it runs in the application's environment.

    They become the command (exec), so that what supervisord sees is the program itself, and they
    read the files of secrets, which are in no environment but the program's.
    """
    # Not sys.executable: a start and a reload may have been run by different names of it.
    words = [f"{venvs.ours()}/bin/python3", "-E", "-s", f"{root}/entrypoint.py", "app"]
    return " ".join(shlex.quote(each).replace("%", "%%") for each in words)


def indented(value: str) -> str:
    """Write a value of several lines so that it stays one."""
    return value.replace("\n", "\n    ")
