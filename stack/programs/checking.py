"""What is wrong with a program: its options, what they name, and whether a stop has time for it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.application import environment, prestart
from stack.programs import options
from stack.programs.reading import FOLDER, OURS, Section, sections
from stack.settings import shutdown
from stack.settings.errors import ConfigError, quoted
from stack.settings.table import Settings

# Names that only supervisord itself gives their value, one to each process.
NUMBERED = {"process_num": 0, "numprocs": 1}


@dataclass(frozen=True)
class Program:
    """A program that can be run: as it is written, and what that means."""

    section: Section
    values: Mapping[str, str]

    @property
    def name(self) -> str:
        """Its name, as supervisorctl has it."""
        return self.section.name

    def waits(self) -> bool:
        """Say whether it is started only when the application has answered."""
        starts = options.is_on(self.values.get("autostart", "true"))
        return starts and not options.is_on(self.values.get("start_at_once", "false"))


@dataclass(frozen=True)
class Programs:
    """All of them, and how many seconds a stop gives them, who stop at the same time."""

    all: tuple[Program, ...]
    seconds: int

    def waiting(self) -> list[str]:
        """Name those that wait for the application."""
        return [each.name for each in self.all if each.waits()]


def programs(root: Path, settings: Settings, environ: Mapping[str, str]) -> Programs:
    """Read the operator's programs; ConfigError lists every mistake with its file and line."""
    found, mistakes = [], []
    for section in sections(root):
        values, wrong = expanded(root, section, environ)
        program = Program(section, values)
        mistakes += wrong or [
            *conflicts(program),
            *of_environment(program, settings),
            *of_command(root, program, settings, environ),
        ]
        found.append(program)
    if mistakes:
        raise ConfigError(*mistakes)
    return Programs(tuple(found), seconds(found, settings.shutdown_timeout))


def expanded(
    root: Path, section: Section, environ: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Give the values that supervisord will see, and what is wrong with them."""
    names: dict[str, object] = {
        **{f"ENV_{name}": value for name, value in environ.items()},
        "ENV_TMPDIR": f"{root}/run/tmp",  # as the start sets it
        **NUMBERED,
        "here": str(root / FOLDER),
        "program_name": section.name,
        "group_name": section.name,
        "host_node_name": os.uname().nodename,
    }
    values, mistakes = {}, []
    for option, text in section.given.items():
        try:
            values[option] = text % names
        except (KeyError, ValueError, TypeError) as error:
            why = (
                f"%({error.args[0]})s is not known; set it, or leave it out"
                if isinstance(error, KeyError)
                else "a % of your own is written %%"
            )
            mistakes.append(f"{section.at(option)}: {option}: {quoted(text)}: {why}")
            continue
        if wrong := mistake(option, values[option]):
            mistakes.append(f"{section.at(option)}: {option}: {wrong}")
    if not section.given.get("command"):
        mistakes.append(f"{section.at()}: [program:{section.name}] has no command; name a program")
    return values, mistakes


def mistake(option: str, value: str) -> str | None:
    """Say what is wrong with a value; None if nothing is."""
    if option != "environment":
        return options.mistake(option, value)
    try:
        variables(value)
    except ValueError:
        return f'{quoted(value)}: is no list; write NAME="value", with commas between'
    return None


def conflicts(program: Program) -> Iterator[str]:
    """Find options that do not go together, or would hide one of our programs."""
    values, at = program.values, program.section.at
    if options.is_on(values.get("stopasgroup", "0")) and not options.is_on(
        values.get("killasgroup", "1")
    ):
        yield f"{at('killasgroup')}: killasgroup: is off, and stopasgroup on; leave it out"
    named = program.section.given.get("process_name", "")
    if named and int(values.get("numprocs", "1")) > 1 and "%(process_num)" not in named:
        yield (
            f"{at('process_name')}: process_name: {quoted(named)}: would be the same for all; "
            "leave it out, or put %(process_num)02d into it"
        )
    if (name := values.get("process_name", "")) in OURS or re.search(r"[\s:/]", name):
        yield f"{at('process_name')}: process_name: {quoted(name)}: cannot be one; leave it out"


def of_command(
    root: Path, program: Program, settings: Settings, environ: Mapping[str, str]
) -> Iterator[str]:
    """Make sure that the command is there: supervisord would try, and try again."""
    at, command = program.section.at("command"), program.values["command"]
    folder = Path(root, program.values.get("directory", settings.app_dir))
    if not folder.is_dir():
        yield f"{program.section.at('directory')}: directory: {quoted(str(folder))}: is no folder"
        return
    if folder.resolve() == root.resolve():
        yield (
            f"{program.section.at('directory')}: directory: {quoted(str(folder))}: is the stack's "
            "own; name another, or leave it out for the application's"
        )
    try:
        words = shlex.split(command)
    except ValueError:
        yield f"{at}: command: {quoted(command)}: has a quotation mark without another; add it"
        return
    # What prestart installs is not there yet.
    if not words or prestart.find(root / settings.app_dir):
        return
    name = words[0]
    path = environment.path({**environ, **variables(program.values.get("environment", ""))})
    where = name if "/" not in name else os.path.join(folder, name)  # noqa: PTH118
    if not shutil.which(where, path=path):
        yield (
            f"{at}: command: {quoted(name)}: is no program here; install it, as with "
            f"RUN pip install {name.rpartition('/')[2]}, or write its path"
        )


def of_environment(program: Program, settings: Settings) -> Iterator[str]:
    """Find variables that are set and come from a file too."""
    at = f"{program.section.at('environment')}: environment"
    for name in variables(program.values.get("environment", "")):
        if name in (settings.env_from_files or ()):
            yield f"{at}: {quoted(name)}: comes from a file, by ENV_FROM_FILES; leave it out"


def variables(text: str) -> dict[str, str]:
    """Read `environment` as supervisor does; ValueError if it cannot be read."""
    # Imported only where needed: it takes a third of the time of a start.
    from supervisor import datatypes

    found: dict[str, str] = datatypes.dict_of_key_value_pairs(text)
    return found


def seconds(programs: list[Program], timeout: int) -> int:
    """Say how long they may take to stop, at the same time; ConfigError if that is too long."""
    if not programs:
        return 0
    longest = max(programs, key=lambda each: stop_seconds(each, timeout))
    needed = stop_seconds(longest, timeout)
    if (total := needed + shutdown.SHORTEST) <= timeout:
        return needed
    raise ConfigError(
        f"{longest.section.at('stopwaitsecs')}: stopwaitsecs: '{needed}': {needed} s for your own "
        f"programs and then {shutdown.SHORTEST} s, the least, for nginx and uWSGI make {total} s, "
        f"and SHUTDOWN_TIMEOUT is {timeout} s; set SHUTDOWN_TIMEOUT={total} or more, and let the "
        f"engine wait longer than that (docker stop -t {total + 2}), or lower this"
    )


def stop_seconds(program: Program, timeout: int) -> int:
    """Say how long a program may take to stop: as it says, or a quarter of what a stop has."""
    return int(program.values.get("stopwaitsecs", timeout // 4))
