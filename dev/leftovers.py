"""What an engine that was killed leaves behind: processes, mounts, files."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

DETACH = 2  # MNT_DETACH of sys/mount.h


def clear(folder: Path) -> None:
    """Remove an engine's folder and all that still works in it."""
    for pid in processes(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for place in reversed(mounts(folder)):
        unmount(place)
    shutil.rmtree(folder, ignore_errors=True)


def processes(folder: Path) -> list[int]:
    """List the processes whose command line names the folder, and their descendants.

    These are dockerd, containerd and its shims; a container's processes descend from its shim.
    """
    parents = {pid: parent(pid) for pid in pids()}
    found = [pid for pid in parents if f"{folder}/".encode() in command(pid)]
    for pid in found:
        found += [child for child in parents if parents[child] == pid and child not in found]
    return found


def pids() -> list[int]:
    """List all processes but this one."""
    numbers = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())
    return [pid for pid in numbers if pid != os.getpid()]


def command(pid: int) -> bytes:
    """Give a process's command line, empty when it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def parent(pid: int) -> int:
    """Give a process's parent, 0 when it is gone."""
    with suppress(OSError):
        # The name, in brackets, may hold anything; the state and the parent follow it.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def mounts(folder: Path) -> list[str]:
    """List what is mounted below the folder, outermost first."""
    places = (line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines())
    return [place for place in places if place.startswith(f"{folder}/")]


def unmount(place: str) -> None:
    """Unmount, now or when the last user has gone; a bare Debian has no umount command."""
    ctypes.CDLL(None).umount2(os.fsencode(place), DETACH)
