"""The environment of the application's own programs: prestart, and commands beside the workers.

It is the workers', with what a program cannot find out for itself: where the modules are, and which
of them has the Flask application.
"""

from __future__ import annotations

import contextlib
import os
import re
import symtable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stack.application import finding, secrets
from stack.machine import regular, venvs
from stack.run import files
from stack.settings import table
from stack.settings.errors import ConfigError

# The settings that it follows from; a mistake in any other keeps no command from running.
SETTINGS = ("app_dir", "app_module", "apps", "env_from_files")

# What makes a module the application's, for the worker (stack/worker/choice.py) as for Flask.
SERVED = {"application", "app", "create_app", "make_app"}

# Where python-dotenv, if it is there, tells Flask which application is meant.
DOTENV = (".env", ".flaskenv")


def of_commands(root: Path, environ: Mapping[str, str]) -> tuple[Path, dict[str, str]]:
    """Give the application's folder and its environment; ConfigError if they cannot be told."""
    settings = table.some(environ, SETTINGS)
    folder = root / settings["app_dir"]
    finding.examine(folder)
    environ = of_programs(folder, settings, environ)
    with contextlib.suppress(ConfigError):  # not everybody may write there, or needs to
        environ["TMPDIR"] = str(files.make(root) / "tmp")
    return folder, environ


def of_programs(
    folder: Path, settings: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, str]:
    """Extend an environment by all that the application's programs need; file secrets are read."""
    paths = secrets.paths(settings["env_from_files"] or (), environ)
    return {
        **environ,
        **flask_app(folder, settings, environ),
        **{name: secrets.value(path) for name, path in paths.items()},
        "PATH": path(environ),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), environ.get("PYTHONPATH")])),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "VIRTUAL_ENV": venvs.applications(),
    }


def path(environ: Mapping[str, str]) -> str:
    """Give the PATH: first of all the programs of the application's environment.

    Those of ours are left out: they would run without the application's packages.
    """
    theirs, ours = f"{venvs.applications()}/bin", f"{venvs.ours()}/bin"
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([theirs, *(each for each in folders if each not in (ours, theirs))])


def flask_app(
    folder: Path, settings: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, str]:
    """Name the application for Flask's commands, unless the operator or a file of theirs does."""
    if "FLASK_APP" in environ or any(names_one(folder / each) for each in DOTENV):
        return {}
    named = settings["app_module"]
    if settings["apps"]:
        named = next((each.target for each in settings["apps"] if each.prefix == "/"), None)
    elif not named:
        # A folder without a Flask application has other commands.
        with contextlib.suppress(ConfigError):
            candidates = finding.candidates(folder)
            return {"FLASK_APP": first(folder, candidates)}
    if not named:
        return {}
    # Flask knows no attributes of attributes; it finds the object that such a one belongs to.
    return {"FLASK_APP": named.module if "." in named.attribute else named.text}


def names_one(dotenv: Path) -> bool:
    """Say whether a file of python-dotenv's sets FLASK_APP."""
    try:
        text = regular.content(dotenv, regular.SOURCE).decode()
        return bool(re.search(r"^\s*(export\s+)?FLASK_APP\s*=", text, re.MULTILINE))
    except (OSError, ValueError):
        return False


def first(folder: Path, candidates: list[str]) -> str:
    """Choose from several modules the one that the workers will: the first with something to serve.

    As far as their text shows: nothing is imported here.
    """
    return next((each for each in candidates if serves(folder, each)), candidates[0])


def serves(folder: Path, module: str) -> bool:
    """Say whether a module gives one of the usual names a value, or imports it."""
    base = folder / module.replace(".", "/")
    file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    try:
        source = regular.content(file, regular.SOURCE).decode()
        top = symtable.symtable(source, str(file), "exec")
    except (OSError, ValueError, SyntaxError):
        return False
    return any(
        each.get_name() in SERVED and (each.is_assigned() or each.is_imported())
        for each in top.get_symbols()
    )
