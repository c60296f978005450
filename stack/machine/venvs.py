"""Two virtual environments: ours, and one on top of it for what the application needs besides.

The entrypoint and supervisord run in ours, so that nothing that an application brings, or that
its user can write, is a part of them. A neighbour whose name ends in -app is the application's.
"""

from __future__ import annotations

import sys
from pathlib import Path


def ours() -> str:
    """Name our own, from whichever of the two this is called."""
    return sys.prefix.removesuffix("-app")


def applications() -> str:
    """Name the one that the application runs in: its own, if there is one, else ours."""
    other = f"{ours()}-app"
    return other if Path(other, "pyvenv.cfg").exists() else ours()


def packages() -> list[str]:
    """List the folders that packages are installed in, in the order in which they are searched."""
    found = []
    for venv in dict.fromkeys((applications(), ours())):
        found += [str(each) for each in Path(venv).glob("lib/python3.*/site-packages")]
    return found
