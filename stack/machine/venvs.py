"""Two virtual environments: ours, and one on top of it for what the application needs besides.

The entrypoint and supervisord run in ours, which the application's user cannot write. The folder
beside it whose name ends in -app is the application's, and sees the packages of ours too.
"""

from __future__ import annotations

import sys
from pathlib import Path


def ours() -> str:
    """Return the folder of ours, whichever of the two runs this."""
    return sys.prefix.removesuffix("-app")


def applications() -> str:
    """Return the folder of the application's; ours where there is no other."""
    other = f"{ours()}-app"
    return other if Path(other, "pyvenv.cfg").exists() else ours()


def packages() -> list[str]:
    """List the folders that packages are installed in, in the order in which they are searched."""
    found = []
    for venv in dict.fromkeys((applications(), ours())):
        found += [str(each) for each in Path(venv).glob("lib/python3.*/site-packages")]
    return found
