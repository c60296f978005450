"""Which application is served: what can be told from its folder, before anything is imported."""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path

from stack.application import secrets
from stack.errors import ConfigError
from stack.machine import venvs
from stack.settings.table import Settings
from stack.settings.targets import Target
from stack.settings.values import quoted

# What `flask run` looks for, and the name that other images asked for.
USUAL = ("wsgi", "app", "main")

# In a package, its own file comes first: importing the others imports it too.
IN_PACKAGE = ("", ".wsgi", ".app", ".main")

OURS = "example"

WAYS = "put an app.py there, or name your application: APP_MODULE=module:callable"


def plan(root: Path, settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Render application.json: all that stack/worker, which imports the application, is told."""
    folder = root / settings.app_dir
    modules = listing(folder)
    if settings.apps:
        named = [entry(each.prefix, "APPS", each.target, folder) for each in settings.apps]
    elif settings.app_module:
        named = [entry("/", "APP_MODULE", settings.app_module, folder)]
    else:
        named = [{"prefix": "/", "setting": None, "modules": found(folder, modules)}]
    told = {
        "folder": os.path.abspath(folder),  # noqa: PTH100 - links stay
        "applications": named,
        "dev": settings.dev,
        "files": secrets.paths(settings.env_from_files or (), environ),
    }
    return {"application.json": json.dumps(told, indent=2) + "\n"}


def listing(folder: Path) -> list[str]:
    """Name the modules and packages in a folder; ConfigError if it cannot hold an application."""
    where = f"APP_DIR: {quoted(str(folder))}"
    try:
        names = sorted(each.name for each in os.scandir(folder))
        if not os.access(folder, os.X_OK):
            raise PermissionError(0, "Permission denied")
    except OSError as error:
        raise ConfigError(f"{where}: {unreadable(folder, error)}") from None
    if not [name for name in names if not name.startswith(".")]:
        raise ConfigError(
            f"{where}: is empty; copy your application into it, or mount it there: "
            'docker run -v "$PWD/hello:/srv/app" (a path that does not exist gives an empty folder)'
        )
    return [module for name in names if (module := importable(folder / name))]


def unreadable(path: Path, error: OSError) -> str:
    """Say why a folder or file cannot be read, and what to do."""
    reason = error.strerror
    if not isinstance(error, PermissionError):
        return f"cannot be read ({reason}); name the folder that your application is in"
    return (
        f"cannot be read by uid {os.geteuid()}, which the application runs as ({reason}); "
        f"give others the right to read it, on the host: chmod -R a+rX {path.name}"
    )


def importable(path: Path) -> str | None:
    """Name the module that a file or folder is; None if it is none."""
    name = path.name.removesuffix(".py")
    package = (path / "__init__.py").exists()
    return name if name.isidentifier() and (package or path.suffix == ".py") else None


def found(folder: Path, modules: list[str]) -> list[str]:
    """Find the modules that may hold the application, best first."""
    where = f"APP_DIR: {quoted(str(folder))}"
    own = [name for name in modules if name != OURS]
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
    """Name a module, and those in it, if it is a package, that may hold the application."""
    if not (folder / name).is_dir():
        return [readable(name, PathFinder.find_spec(name, [str(folder)]), name)]
    inner = {importable(each) for each in (folder / name).iterdir()}
    return [f"{name}{each}" for each in IN_PACKAGE if not each or each[1:] in inner]


def entry(prefix: str, setting: str, target: Target, folder: Path) -> dict[str, object]:
    """Describe one application; ConfigError if its module does not exist."""
    search = [str(folder), *venvs.packages(), *standard_library()]
    try:
        locate(target.module, search, folder)
    except ValueError as error:
        raise ConfigError(f"{setting}: {quoted(str(target))}: {error}") from None
    told = {"prefix": prefix, "setting": f"{setting}: {quoted(str(target))}"}
    call = target.call
    return {**told, "modules": [target.module], "attribute": target.attribute, "call": call}


def standard_library() -> list[str]:
    """List where the standard library is: the search path but for our own root."""
    return [each for each in sys.path if Path(each).name.startswith(("python3", "lib-dynload"))]


def locate(module: str, search: list[str], folder: Path) -> None:
    """Find a module's file without importing anything; ValueError says what is there instead."""
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
    """Make sure that this user may read a module's file."""
    origin = getattr(spec, "origin", None)
    if origin and Path(origin).exists() and not os.access(origin, os.R_OK):
        error = PermissionError(0, "Permission denied")
        raise ConfigError(f"APP_DIR: {quoted(origin)}: {unreadable(Path(origin), error)}")
    return module


def missing(module: str, name: str, done: str, path: list[str], folder: Path) -> str:
    """Say what is there in the place of a module that is not, and which name comes nearest."""
    places = map(Path, path) if done else [folder]
    names = [module_or_folder(each) for place in places for each in sorted(place.iterdir())]
    there = [each for each in names if each and each != "__init__"]
    has = f"which has {', '.join(there[:12]) or 'no module'}{', ...' if len(there) > 12 else ''}"
    what = f"there is no module {name} in {done or folder}, {has}"
    close = difflib.get_close_matches(name, there, n=1)
    if close:
        rest = module.removeprefix(f"{done}.{name}".lstrip("."))
        return f"{what}; did you mean {f'{done}.{close[0]}'.lstrip('.')}{rest}?"
    return f"{what}; name one of them, or put yours there"


def module_or_folder(path: Path) -> str | None:
    """Name what an import can find: a folder without __init__.py too, if it holds modules."""
    if path.is_dir() and path.name.isidentifier() and path.name != "__pycache__":
        return path.name if any(path.glob("*.py")) or any(path.glob("*/*.py")) else None
    return importable(path)
