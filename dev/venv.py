"""The virtual environment .venv: what requirements.txt pins, and what development adds."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dev import ROOT, Problem, packages, say
from stack.machine import scripts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

# What the served application needs besides; stack/machine/venvs.py finds it there.
APP_VENV = ROOT / ".venv-app"

# Not sys.executable: that may be the Python of the .venv that is about to be replaced.
BASE_PYTHON: str = getattr(sys, "_base_executable", sys.executable)

# The first pip that reads dependency groups is 25.1.
PIP = "pip==26.3"

# uWSGI without what this project does not use; the Dockerfile says the same.
BUILD = {
    "UWSGI_PROFILE_OVERRIDE": "xml=false;yaml=false;json=false;ssl=false;pcre=false;routing=false",
    # Some Pythons name the compiler that they were built with, which need not be here.
    "CC": os.environ.get("CC", "cc"),
}


def prepare(*groups: str) -> None:
    """Make this machine ready to serve, and to do what these groups of pyproject.toml are for."""
    packages.ensure([
        *packages.to_serve(), *([] if current(product()) else packages.to_build())
    ])  # fmt: skip
    with locked():
        if not current(product()):
            make()
    for each in groups:
        ensure_group(each)
    os.environ["PATH"] = packages.search_path()


def ensure_group(name: str) -> None:
    """Add what pyproject.toml lists in a dependency group to an existing .venv."""
    with locked():
        if current(group(name)):
            return
        say(f"adding the group {name} of pyproject.toml to .venv")
        pip(PIP)
        pip("--group", name)
        stamp(group(name))


def ensure_app(folder: Path) -> None:
    """Install what an application's requirements.txt asks for, on top of .venv, not into it."""
    wanted = folder / "requirements.txt"
    if not wanted.exists():
        return
    digest = hashlib.sha256(f"{product()}{wanted.read_text()}".encode()).hexdigest()
    stamped = APP_VENV / "app.stamp", digest
    with locked():
        if current(stamped):
            return
        say(f"installing {wanted} into {APP_VENV.name}")
        subprocess.run([PYTHON, "-m", "venv", "--clear", "--without-pip", APP_VENV], check=True)
        (base,) = VENV.glob("lib/python3.*/site-packages")
        (APP_VENV / base.relative_to(VENV) / "base.pth").write_text(f"{base}\n")
        scripts.remake(VENV, APP_VENV)
        target = ("--python", str(APP_VENV))
        command: list[str | Path] = [
            PYTHON,
            "-m",
            "pip",
            *target,
            "install",
            "--quiet",
            "--requirement",
            wanted,
        ]
        if subprocess.run(command, cwd=folder).returncode:
            raise Problem(f"{wanted} was not installed, see above")
        stamp(stamped)


def make() -> None:
    """Make .venv from nothing; the stamp comes last, so what breaks off here is made anew."""
    say("making .venv from requirements.txt; uWSGI is compiled, which takes about a minute")
    subprocess.run([BASE_PYTHON, "-m", "venv", "--clear", VENV], check=True)
    # A cached uWSGI may have been built with other options.
    pip("--require-hashes", "--no-cache-dir", "--requirement", "requirements.txt")
    stamp(product())


def pip(*arguments: str) -> None:
    """Install into .venv."""
    quiet = ("--quiet", "--disable-pip-version-check")
    command: list[str | Path] = [PYTHON, "-m", "pip", "install", *quiet, *arguments]
    subprocess.run(command, cwd=ROOT, env=os.environ | BUILD, check=True)


def product() -> tuple[Path, str]:
    """Give the stamp of a .venv that can serve, which also says where it is: .venv cannot move."""
    # A .venv may name the Python that it was made with otherwise: python3.11 for python3.
    python = os.path.realpath(BASE_PYTHON)
    parts = (sys.version, python, str(VENV), *sorted(BUILD.values()))
    text = "\n".join(parts) + (ROOT / "requirements.txt").read_text()
    return VENV / "product.stamp", hashlib.sha256(text.encode()).hexdigest()


def group(name: str) -> tuple[Path, str]:
    """Give the stamp of a .venv that has a dependency group too."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    text = f"{product()} {PIP} {groups[name]}"
    return VENV / f"{name}.stamp", hashlib.sha256(text.encode()).hexdigest()


def current(stamped: tuple[Path, str]) -> bool:
    """Tell whether .venv bears this stamp and its Python still runs."""
    path, digest = stamped
    try:
        return path.read_text() == digest and subprocess.run([PYTHON, "-c", ""]).returncode == 0
    except OSError:
        return False


def stamp(stamped: tuple[Path, str]) -> None:
    """Write down what .venv was made from."""
    path, digest = stamped
    path.write_text(digest)


@contextmanager
def locked() -> Iterator[None]:
    """Let one make at a time work on this clone's .venv."""
    with (ROOT / ".venv.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another make that works on .venv")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
