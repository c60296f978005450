"""What the machine is and gives: CPUs, queue lengths, file descriptors, networks."""

from __future__ import annotations

import os
import resource
from ipaddress import IPv4Address
from pathlib import Path

SOMAXCONN = Path("/proc/sys/net/core/somaxconn")

# Some engines allow 2^30 open files, and uWSGI tries to close every one of them when it reloads.
DESCRIPTORS = 65536


def room(folder: Path) -> int:
    """Say how many bytes this user may still write below a folder."""
    left = os.statvfs(folder)
    return left.f_bavail * left.f_frsize


def usable_cpus() -> int:
    """Count the CPUs that this process may run on."""
    return len(os.sched_getaffinity(0))


def memory() -> int:
    """Return the bytes of memory that this machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def somaxconn(file: Path = SOMAXCONN) -> int:
    """Say how many connections the kernel lets wait on one socket."""
    try:
        return int(file.read_text())
    except OSError:
        return 128  # the default of kernels before 5.4


def descriptors() -> int:
    """Return how many open files a process is given: the hard limit, at most DESCRIPTORS."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)


def limit_descriptors() -> int:
    """Set this process's limit of open files to descriptors(), and return it."""
    limit = descriptors()
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    return limit


def has_ipv6(table: Path = Path("/proc/net/if_inet6")) -> bool:
    """Say whether the kernel has IPv6: told to use a missing one, nginx does not start."""
    return table.exists()


def gateway(table: Path = Path("/proc/net/route")) -> IPv4Address | None:
    """Name the gateway of the default route, in a container the address of its bridge.

    The table's third column is the address as hexadecimal digits in the CPU's byte order, here
    taken for little-endian, as all platforms of the image are (proc(5)).
    """
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return None
    found = [row[2] for row in rows if row[1] == "00000000"]
    return IPv4Address(bytes.fromhex(found[0])[::-1]) if found else None
