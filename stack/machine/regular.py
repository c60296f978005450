"""Files that are files: a pipe would wait for its writer, and a device may never end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

# Bytes: more than any source that somebody has written.
SOURCE = 16 << 20


def opened(path: str | Path) -> int:
    """Open a file for reading, through any links, and return its descriptor; OSError if none."""
    # NONBLOCK: or opening it could wait already.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise OSError(errno.EINVAL, "it is no regular file")


def content(path: str | Path, most: int) -> bytes:
    """Read a file, of which no more than so many bytes are wanted."""
    with os.fdopen(opened(path), "rb") as file:
        return file.read(most)
