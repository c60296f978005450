"""The versions of what serves."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from stack import VERSION
from stack.commands.prepare import with_programs
from stack.nginx import program as nginx


def version(environ: Mapping[str, str]) -> int:
    """Print them, a line each."""
    found = {
        "nginx-python3": VERSION,
        "revision": revision(),
        "nginx": ".".join(map(str, nginx.version(with_programs(environ)))),
        "Python": platform.python_version(),
        **{name: metadata.version(name) for name in ("uWSGI", "supervisor", "Flask")},
        "base": base(),
    }
    for name, number in found.items():
        print(f"{name} {number}")
    return os.EX_OK


def revision(file: Path = Path("revision")) -> str:
    """Name the commit that the image was built from; only an image has this file."""
    try:
        return file.read_text().strip()
    except OSError:
        return "unknown"


def base(file: Path = Path("/etc/os-release")) -> str:
    """Name the distribution (os-release(5))."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return "unknown"
    pairs = dict(line.split("=", 1) for line in lines if "=" in line)
    return pairs.get("PRETTY_NAME", "unknown").strip('"')
