"""The tools behind the Makefile; standard library only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

if sys.version_info < (3, 11):  # noqa: UP036 - says so instead of failing on newer syntax
    sys.exit(
        f"dev: Python 3.11 or newer is needed, and {sys.executable} is "
        f"{sys.version_info[0]}.{sys.version_info[1]}; name another one: make PYTHON=python3.12 ..."
    )

ROOT = Path(__file__).resolve().parent.parent


class Problem(Exception):
    """Something that the user must know or do; it ends a command with one line."""


def say(line: str) -> None:
    """Print one line of our own, on stderr as logs are."""
    print(f"dev: {line}", file=sys.stderr, flush=True)


def finish(main: Callable[[list[str]], int]) -> NoReturn:
    """Run a command and leave with its status, without a traceback for what is no bug of ours."""
    try:
        sys.exit(main(sys.argv[1:]))
    except (Problem, OSError, subprocess.CalledProcessError) as problem:
        sys.exit(f"dev: error: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
