"""A runnable copy of the tree, so that several stacks can run from one clone."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from dev import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("entrypoint.py", "supervisord.conf")
FOLDERS = ("stack", "conf")

# What is no file of the project's, where git is not there to say so.
MADE = {".git", ".venv", ".venv-app", "run", "__pycache__", ".hypothesis", ".pytest_cache",
        ".mypy_cache", ".ruff_cache"}  # fmt: skip


def lay(target: Path, source: Path = ROOT) -> None:
    """Lay the tree into target as it is in source now, and leave target/run alone."""
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(source / name, target)
    for name in FOLDERS:
        shutil.rmtree(target / name, ignore_errors=True)
        shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    app = target / "app"
    app.unlink(missing_ok=True)
    app.symlink_to((source / "app").resolve(), target_is_directory=True)


def files() -> list[str]:
    """List the project's own files by their paths: git's, or all but what is made here."""
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    answer = shutil.which("git") and subprocess.run(
        listed, cwd=ROOT, capture_output=True, text=True
    )
    if answer and answer.returncode == 0:
        return [name for name in answer.stdout.split("\0") if (ROOT / name).is_file() and name]
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [each for each in folders if each not in MADE]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]  # noqa: PTH118
    return found
