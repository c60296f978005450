"""What a start, a check and a reload have in common: everything rendered and tested."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from stack.application import plan, prestart
from stack.commands.words import say
from stack.machine import kernel, venvs
from stack.nginx import configuration, dropins
from stack.nginx import program as nginx
from stack.run import files
from stack.settings.errors import ConfigError
from stack.settings.table import Settings
from stack.uwsgi import options

# nginx is not on an ordinary user's PATH.
SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def prepare(
    root: Path,
    settings: Settings,
    environ: Mapping[str, str],
    certificate: Mapping[str, str],
    say: Callable[[str], None] = say,
) -> dict[str, str]:
    """Render all generated files and have nginx test them; ConfigError if they cannot be used.

    The certificate's files are given. Nothing stays written but the folder run/ itself.
    """
    prestart.find(root / settings.app_dir)
    options.check(root, settings, environ)
    folder = files.make(root)
    generated = {
        **configuration.files(settings, nginx.version(environ), kernel.room(folder)),
        **plan.files(root, settings, environ),
        **certificate,
    }
    with files.rehearsal(root, generated) as copy:
        if refused := nginx.refusal(copy, environ):
            raise ConfigError(f"nginx refuses its configuration:\n{refused}")
        # The list of clients says nothing about escapes, and a long one takes a second to parse.
        short = {"permissions.conf": "deny all;\n", "allowed.conf": "geo $listed {\n}\n"}
        files.write(copy / "run", short)
        for escape in dropins.escapes(copy):
            say(f"warning: {escape}")
    return generated


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
