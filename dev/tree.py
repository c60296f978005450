"""A runnable copy of the tree, so that several stacks can run from one clone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from dev import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("entrypoint.py", "supervisord.conf")
FOLDERS = ("stack", "conf")


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
