"""What a start, a check and a reload have in common: everything rendered and tested."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.application import plan, prestart
from stack.commands.words import say
from stack.machine import kernel, venvs
from stack.nginx import configuration, dropins
from stack.nginx import program as nginx
from stack.programs import checking, rendering
from stack.programs.checking import Programs
from stack.programs.reading import FOLDER
from stack.run import facts, files
from stack.settings.errors import ConfigError
from stack.settings.shutdown import Budget
from stack.settings.table import Settings
from stack.uwsgi import options

# nginx is not on an ordinary user's PATH.
SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True)
class Prepared:
    """What was found and rendered before anything is started or changed."""

    files: dict[str, str]
    """The generated files, by their names below run/."""
    programs: Programs
    budget: Budget


def prepare(
    root: Path,
    settings: Settings,
    environ: Mapping[str, str],
    certificate: Mapping[str, str],
    say: Callable[[str], None] = say,
    given: Budget | None = None,
) -> Prepared:
    """Render all generated files and have nginx test them; ConfigError if they cannot be used.

    The certificate's files are given, and what a stack that runs already has for its stop, which
    nothing can change. Nothing stays written but the folder run/ itself.
    """
    prestart.find(root / settings.app_dir)
    options.check(root, settings, environ)
    own = checking.programs(root, settings, environ)
    budget = given or Budget.of(settings.shutdown_timeout, own.seconds)
    if own.seconds > budget.programs:
        raise ConfigError(
            f"{FOLDER}: stopwaitsecs: '{own.seconds}': the stack that runs was started with "
            f"{budget.programs} s for your programs, which a reload cannot change; start it anew"
        )
    folder = files.make(root)
    version = nginx.version(environ)
    generated = {
        **configuration.files(settings, budget, version, kernel.room(folder)),
        **plan.files(root, settings, environ),
        **certificate,
        **rendering.files(root, own, settings.shutdown_timeout),
        **facts.files(settings, version),
    }
    with files.rehearsal(root, generated) as copy:
        if refused := nginx.refusal(copy, environ):
            raise ConfigError(f"nginx refuses its configuration:\n{refused}")
        # The list of clients says nothing about escapes, and a long one takes a second to parse.
        short = {"permissions.conf": "deny all;\n", "allowed.conf": "geo $listed {\n}\n"}
        files.write(copy / "run", short)
        for escape in dropins.escapes(copy):
            say(f"warning: {escape}")
    return Prepared(generated, budget=budget, programs=own)


def with_programs(environ: Mapping[str, str]) -> dict[str, str]:
    """Copy an environment, with a PATH on which our own programs and the system's are found.

    Without the application's programs: its user may be able to change those, and nginx be one.
    """
    ours, theirs = f"{venvs.ours()}/bin", f"{venvs.applications()}/bin"
    given = environ.get("PATH", os.defpath).split(os.pathsep)
    path = [ours, *(each for each in given if each != theirs), *SYSTEM]
    return {**environ, "PATH": os.pathsep.join(path)}


def require(mistakes: Iterable[str]) -> None:
    """Raise ConfigError if there are any."""
    if found := list(mistakes):
        raise ConfigError(*found)
