"""The application imported once, by uWSGI's master, and shared by the workers that it forks.

What a fork cannot share is found first: a thread of the import's would run in the master alone, and
of an open connection or file the workers would use the same one, into each other's words.
"""

from __future__ import annotations

import contextlib
import gc
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import uwsgi  # made by uWSGI itself

# The option of uWSGI with which each worker imports the application itself.
LAZY = "UWSGI_LAZY_APPS"

NAMED = 3  # things of a kind that a message names


def preloading() -> bool:
    """Say whether this is uWSGI's master, which imports for all its workers."""
    return bool(uwsgi.masterpid() == os.getpid())


def in_each_worker(begin: Callable[[], None]) -> None:
    """Have something done first in each process that the master forks, and end one that cannot."""
    master = os.getpid()

    def begun() -> None:
        if os.getppid() != master:
            return  # a child of a worker's
        try:
            begin()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)

    os.register_at_fork(after_in_child=begun)


@contextlib.contextmanager
def as_master(root: Path) -> Iterator[None]:
    """Let what the application says while it is imported go where a worker's words go.

    stderr is the master's own afterwards, and the master works in the root of our tree.
    """
    stderr = os.dup(2)
    os.dup2(1, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        os.chdir(root)


def share() -> None:
    """Keep the collector from what all share: it writes to each object that it looks at."""
    gc.collect()
    gc.freeze()


def expendable() -> None:
    """Have the kernel kill this process before any other when memory runs out: it is at its end.

    It has no requests any more, and Python, which takes down all that was imported, writes to each
    object once more: what the workers share becomes a copy in each of those that end. Whom the
    kernel takes after it says stack/machine/oom.py.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def unshared(before: set[int]) -> list[str]:
    """Name what the import has left behind that workers cannot share."""
    threads = [each.name for each in threading.enumerate() if each is not threading.main_thread()]
    opened = sorted(each for each in descriptors() - before if not harmless(each))
    found = [f"threads ({listed(threads)})"] if threads else []
    if opened:
        found.append(f"open ({listed([target(each) for each in opened])})")
    return found


def listed(names: list[str]) -> str:
    """Write a few names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join([*names[:NAMED], *([f"{more} more"] if more > 0 else [])])


def descriptors() -> set[int]:
    """List what is open."""
    found = {int(each) for each in os.listdir("/proc/self/fd")}  # noqa: PTH208
    return {each for each in found if target(each)}  # one was for the list itself


def target(descriptor: int) -> str:
    """Name what a descriptor refers to; nothing if it is closed."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
    except OSError:
        return ""


def harmless(descriptor: int) -> bool:
    """Say whether processes may share it: a log that is appended to, a device, a mapped file."""
    import fcntl

    try:
        found = os.fstat(descriptor)
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    except OSError:
        return True  # it is closed by now
    if stat.S_ISCHR(found.st_mode) or stat.S_ISDIR(found.st_mode):
        return True
    if not stat.S_ISREG(found.st_mode):
        return False
    if flags & os.O_ACCMODE == os.O_WRONLY:
        return bool(flags & os.O_APPEND)
    return flags & os.O_ACCMODE == os.O_RDONLY and found.st_ino in mapped()


def mapped() -> set[int]:
    """List the inodes of files that are read by way of memory, and so without a position."""
    return {int(line.split()[4]) for line in Path("/proc/self/maps").read_text().splitlines()}


def start_again(environ: Mapping[str, str]) -> NoReturn:
    """Become uWSGI anew, with workers that import for themselves; threads and connections end."""
    arguments = Path("/proc/self/cmdline").read_text().rstrip("\0").split("\0")
    for each in descriptors() - {0, 1, 2}:
        os.set_inheritable(each, False)
    # Else uWSGI would take it for a reload, and its sockets for inherited ones.
    own = {name: value for name, value in environ.items() if name != "UWSGI_RELOADS"}
    os.execve("/proc/self/exe", arguments, {**own, LAZY: "true"})
