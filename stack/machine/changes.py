"""Whether files have changed, without reading them."""

from __future__ import annotations

import os
from collections.abc import Iterable


def look(paths: Iterable[str]) -> str:
    """Describe what the file system says of these files, through any links; the same if unchanged.

    A file that was replaced has another inode, and one that was written to another time of change,
    which nobody can set (stat(2), st_ctime).
    """
    return " ".join(map(state, paths))


def state(path: str) -> str:
    """Describe one file; one that cannot be looked at has the error's number."""
    try:
        found = os.stat(path)  # noqa: PTH116 - pathlib would be one import more in supervisord
    except OSError as error:
        return f"E{error.errno}"
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_ctime_ns}"
