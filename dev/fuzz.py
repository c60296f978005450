"""Hold nginx's decisions against ipaddress's: python3 -m dev.fuzz [SECONDS [IMAGE]]."""

from __future__ import annotations

import os

from dev import ROOT, finish, host, venv


def main(arguments: list[str]) -> int:
    """Make ready, and become the program."""
    host.prepare(tools=True)
    os.chdir(ROOT)
    os.execv(venv.PYTHON, [str(venv.PYTHON), "-m", "measurements.fuzz", *arguments])


if __name__ == "__main__":
    finish(main)
