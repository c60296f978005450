"""Processes, as the kernel lists them."""

from __future__ import annotations

from pathlib import Path


def children(parent: int, title: str) -> set[int]:
    """List a process's children whose command line starts so: nginx and uWSGI write it anew."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            its_parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            line = (process / "cmdline").read_text(errors="replace")
        except OSError:
            continue
        if its_parent == parent and line.startswith(title):
            found.add(int(process.name))
    return found


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


def anonymous(pid: int) -> int:
    """Read how many bytes of memory a process has that are no file's; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon")), 0)
