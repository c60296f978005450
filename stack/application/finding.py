"""The application in its folder: what can be told before anything of it is imported."""

from __future__ import annotations

import difflib
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

from stack.machine import venvs
from stack.settings.errors import ConfigError, quoted
from stack.settings.targets import Target
from stack.worker.modules import importable, modules
from stack.worker.plan import Named

# What `flask run` looks for, and the name that other images asked for.
USUAL = ("wsgi", "app", "main")

# Parts of a package that may hold the application. Its __init__.py comes first, because importing
# any of the others runs it as well.
IN_PACKAGE = ("", ".wsgi", ".app", ".main")

OURS = "example"

WAYS = "put an app.py there, or name your application: APP_MODULE=module:callable"


def examine(folder: Path) -> None:
    """Raise ConfigError if a folder cannot hold an application."""
    where = f"APP_DIR: {quoted(str(folder))}"
    try:
        names = os.listdir(folder)  # noqa: PTH208 - it tells what is wrong with the folder
        if not os.access(folder, os.X_OK):
            raise PermissionError(0, "Permission denied")
    except OSError as error:
        raise ConfigError(f"{where}: {unreadable(folder, error)}") from None
    if not [name for name in names if not name.startswith(".")]:
        raise ConfigError(
            f"{where}: is empty; copy your application into it, or mount it there: "
            'docker run -v "$PWD/hello:/srv/app" (a path that does not exist gives an empty folder)'
        )


def unreadable(path: Path, error: OSError) -> str:
    """Say why a folder or file cannot be read, and what to do."""
    reason = error.strerror
    if not isinstance(error, PermissionError):
        return f"cannot be read ({reason}); name the folder that your application is in"
    return (
        f"cannot be read by uid {os.geteuid()}, which the application runs as ({reason}); "
        "give others the right to read it: chmod -R a+rX on what was mounted or copied there"
    )


def candidates(folder: Path) -> list[str]:
    """Find the modules that may hold an application that no setting names, best first."""
    where = f"APP_DIR: {quoted(str(folder))}"
    own = [name for name in modules(folder) if name != OURS]
    if not own and (folder / OURS / "bootstrap.py").exists():
        return [f"{OURS}.bootstrap"]
    for name in USUAL:
        if name in own:
            return inside(folder, name)
    if "__init__" in own:
        raise ConfigError(
            f"{where}: is a package itself, whose name is not known here; "
            "mount or copy the folder that it is in"
        )
    packages = [name for name in own if (folder / name).is_dir()]
    if len(packages) > 1:
        raise ConfigError(
            f"{where}: has several packages, {', '.join(packages)}; say which application is "
            f"meant: APP_MODULE={packages[0]}:app, or several of them: APPS"
        )
    single = packages or (own if len(own) == 1 else [])
    if not single:
        has = f"has {', '.join(own)}" if own else "has no Python module"
        raise ConfigError(f"{where}: {has}, and neither wsgi.py, app.py nor main.py; {WAYS}")
    return inside(folder, single[0])


def inside(folder: Path, name: str) -> list[str]:
    """Name a module that may hold the application, and the parts of a package that may."""
    if not (folder / name).is_dir():
        return [readable(name, PathFinder.find_spec(name, [str(folder)]), name)]
    inner = modules(folder / name)
    return [f"{name}{each}" for each in IN_PACKAGE if not each or each[1:] in inner]


def named(prefix: str, setting: str, target: Target, folder: Path) -> Named:
    """Describe an application that a setting names; ConfigError if its module does not exist."""
    subject = f"{setting}: {quoted(str(target))}"
    try:
        locate(target.module, [str(folder), *venvs.packages(), *standard_library()], folder)
    except ValueError as error:
        raise ConfigError(f"{subject}: {error}") from None
    return Named(prefix, target.module, target.attribute, target.call, subject)


def standard_library() -> list[str]:
    """List where the standard library is; the rest of sys.path is not the application's."""
    return [each for each in sys.path if Path(each).name.startswith(("python3", "lib-dynload"))]


def locate(module: str, search: list[str], folder: Path) -> None:
    """Make sure, without importing it, that a module exists; ValueError says what does instead."""
    path = search
    done = ""
    for name in module.split("."):
        spec = PathFinder.find_spec(name, path)
        if spec is None:
            raise ValueError(missing(module, name, done, path, folder))
        done = f"{done}.{name}".lstrip(".")
        readable(name, spec, done)
        path = list(spec.submodule_search_locations or [])


def readable(name: str, spec: object, module: str) -> str:
    """Return a module's name; ConfigError if this user may not read its file."""
    origin = getattr(spec, "origin", None)
    if origin and Path(origin).exists() and not os.access(origin, os.R_OK):
        error = PermissionError(0, "Permission denied")
        raise ConfigError(f"APP_DIR: {quoted(origin)}: {unreadable(Path(origin), error)}")
    return module


def missing(module: str, name: str, done: str, path: list[str], folder: Path) -> str:
    """Say that a module is missing, what is in its place, and which name comes nearest."""
    places = map(Path, path) if done else [folder]
    there = [each for place in places for each in importable(place) if each != "__init__"]
    has = f"which has {', '.join(there[:12]) or 'no module'}{', ...' if len(there) > 12 else ''}"
    what = f"there is no module {name} in {done or folder}, {has}"
    close = difflib.get_close_matches(name, there, n=1)
    if close:
        rest = module.removeprefix(f"{done}.{name}".lstrip("."))
        return f"{what}; did you mean {f'{done}.{close[0]}'.lstrip('.')}{rest}?"
    return f"{what}; name one of them, or put yours there"
