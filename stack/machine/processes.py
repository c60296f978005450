"""Processes, as the kernel lists them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def children(parent: int, title: str) -> set[int]:
    """List a process's children whose command line starts so: nginx and uWSGI write it anew.

    The kernel may leave one out while another ends (proc(5)), so two readings have to agree.
    """
    before, now = None, listed(parent)
    while now != before:
        before, now = now, listed(parent)
    return {pid for pid in now if command_line(pid).startswith(title)}


def listed(parent: int) -> set[int]:
    """Read the children of all threads of a process; none if it is gone."""
    threads, found = Path(f"/proc/{parent}/task"), set[int]()
    files = [*threads.glob("*/children")]
    if not files and threads.exists():
        return searched(parent)
    for file in files:
        with suppress(OSError):
            found.update(map(int, file.read_text().split()))
    return found


def searched(parent: int) -> set[int]:
    """Look for a process's children among all others, for kernels without that file."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((process / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.add(int(process.name))
    return found


def command_line(pid: int) -> str:
    """Read how a process was called, or what it has written there; nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def name(pid: int) -> str:
    """Read the name that a process has given itself; none if it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return ""


def alive(pid: int) -> bool:
    """Say whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ignores(pid: int, number: int) -> bool:
    """Say whether a process ignores a signal; one that is gone does not."""
    return bool(int(status(pid).get("SigIgn", "0"), 16) >> number - 1 & 1)


def anonymous(pid: int) -> int:
    """Read how many bytes of memory a process has that are no file's; 0 if it is gone."""
    return int(status(pid).get("RssAnon", "0 kB").split()[0]) << 10


def status(pid: int) -> dict[str, str]:
    """Read what the kernel tells of a process, by name; nothing if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
