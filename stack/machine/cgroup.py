"""What this process's control groups allow it, in versions 1 and 2 (cgroups(7))."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

SELF = Path("/proc/self")


def cpus(proc: Path = SELF) -> float | None:
    """Return how many CPUs' time the tightest quota gives; None without a quota."""
    quotas = [quota(folder) for folder in folders("cpu", proc)]
    return min((each for each in quotas if each), default=None)


def memory(proc: Path = SELF) -> int | None:
    """Return the tightest limit of memory in bytes; None without a limit."""
    names = ("memory.max", "memory.limit_in_bytes")
    limits = [number(folder / name) for folder in folders("memory", proc) for name in names]
    return min((each for each in limits if each), default=None)


def memory_used(proc: Path = SELF) -> tuple[int, int] | None:
    """Return the bytes of memory that this group uses, and without the files that can go at once.

    The second is what the kernel compares with the limit in the end; None where it does not say.
    """
    for folder in folders("memory", proc):
        for name, word in (
            ("memory.current", "inactive_file"),
            ("memory.usage_in_bytes", "total_inactive_file"),
        ):
            if used := number(folder / name):
                pairs = [line.split() for line in read(folder / "memory.stat").splitlines()]
                inactive = next((int(each[1]) for each in pairs if each[:1] == [word]), 0)
                return used, max(used - inactive, 0)
    return None


def oom_kills(proc: Path = SELF) -> int | None:
    """Count the processes of this group that were killed for want of memory; None if unknown."""
    for folder in folders("memory", proc):
        for name in ("memory.events", "memory.oom_control"):
            for line in read(folder / name).splitlines():
                word, _, count = line.partition(" ")
                if word == "oom_kill" and count.isdecimal():
                    return int(count)
    return None


def quota(folder: Path) -> float | None:
    """Read one group's quota: version 2 has it in one file, version 1 in two."""
    if words := read(folder / "cpu.max").split():
        return None if words[0] == "max" else int(words[0]) / int(words[1])
    spent, period = number(folder / "cpu.cfs_quota_us"), number(folder / "cpu.cfs_period_us")
    return spent / period if spent and period else None


def folders(controller: str, proc: Path) -> Iterator[Path]:
    """Give the folders of this process's groups: its own, and all above it that can be seen."""
    groups = memberships(proc)
    for mount, root, controllers in mounts(proc):
        path = groups.get(controller if controllers else "")
        if path is None or (controllers and controller not in controllers):
            continue
        # In a container the path may count from the mount's root, or not exist in this namespace.
        here = mount / path.removeprefix(root).strip("/")
        here = here if here.is_dir() and ".." not in here.parts else mount
        yield from (each for each in (here, *here.parents) if each.is_relative_to(mount))


def memberships(proc: Path) -> dict[str, str]:
    """Map each controller of version 1 to this process's group, and "" to that of version 2."""
    lines = [line.split(":", 2) for line in read(proc / "cgroup").splitlines()]
    return {name: path for _, names, path in lines for name in names.split(",")}


def mounts(proc: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """Give each mounted hierarchy: where, from which root, and its controllers in version 1."""
    for line in read(proc / "mountinfo").splitlines():
        words, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            _, _, _, root, mount, *_ = words.split()
            yield Path(mount), root, options.split(",") if kind == "cgroup" else []


def number(path: Path) -> int | None:
    """Read a whole number; None for a file that is missing or says that there is no limit."""
    text = read(path).strip()
    # "No limit" is the largest multiple of a page, or -1, in version 1, and "max" in version 2.
    return int(text) if text.isdecimal() and int(text) < 2**62 else None


def read(path: Path) -> str:
    """Read a file; one that is missing, or that this user may not read, is empty."""
    try:
        return path.read_text()
    except OSError:
        return ""
