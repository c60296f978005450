"""What the machine gives: CPUs, queue lengths, file descriptors."""

from __future__ import annotations

import os
import resource
from pathlib import Path

SOMAXCONN = Path("/proc/sys/net/core/somaxconn")

# Long enough for bursts: with uWSGI's 100, 65 of 100 answers to 512 clients were 502.
LISTEN_QUEUE = 1024

# uWSGI walks all possible descriptors when it reloads; some engines allow 2^30 of them.
DESCRIPTORS = 65536


def usable_cpus() -> int:
    """Count the CPUs that this process may run on."""
    return len(os.sched_getaffinity(0))


def listen_queue(somaxconn: Path = SOMAXCONN) -> int:
    """Say how many connections may wait: uWSGI does not start with more than the kernel allows."""
    try:
        return min(LISTEN_QUEUE, int(somaxconn.read_text()))
    except OSError:
        return 100  # uWSGI's own default, below every kernel's limit


def limit_descriptors() -> int:
    """Raise this process's limit of open files to what is allowed and sensible, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    return limit
