"""Sizes that follow from what the container is given, each with the reason to show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from stack.machine import cgroup, kernel

# With two workers a crash of one is no outage, and while one waits the other has the CPU.
PROCESSES_PER_CPU = 2
FEWEST_PROCESSES = 2

# Bytes. Under load a worker with the example takes 14 MiB; supervisord, nginx, and a uWSGI's master
# that has imported nothing take 36 together, and a health check 4 for a moment (Python 3.14).
WORKER_MEMORY = 16 << 20
OTHER_MEMORY = 40 << 20

# For each request that can be served at once; at 20 ms a request the last one waits 5 s.
QUEUED_PER_WORKER = 256

# Larger ones were of no use when measured, whatever the kernel allows.
LONGEST_LISTEN_QUEUE = 4096
MOST_CONNECTIONS = 4096


@dataclass(frozen=True)
class Detected:
    """A value that follows from the machine or from other settings, and why."""

    value: Any
    reason: str


def cpus() -> Detected:
    """Count the CPUs: those that may be used, or as many as the quota gives time for."""
    usable, quota = kernel.usable_cpus(), cgroup.cpus()
    if quota is not None and math.ceil(quota) < usable:
        return Detected(math.ceil(quota), f"a quota of {quota:g} CPUs")
    return Detected(usable, f"{usable} usable CPUs" if usable > 1 else "1 usable CPU")


def memory() -> int:
    """Return the bytes of memory that there are: the limit, or what the machine has."""
    return min(cgroup.memory() or kernel.memory(), kernel.memory())


def room(memory: int) -> int:
    """Return the bytes that are left for workers."""
    return max(0, memory - OTHER_MEMORY)


def processes(cpus: Detected, memory: int) -> Detected:
    """Size UWSGI_PROCESSES by the CPUs, and no larger than the memory."""
    wanted = max(FEWEST_PROCESSES, PROCESSES_PER_CPU * cpus.value)
    fit = max(1, room(memory) // WORKER_MEMORY)
    if fit < wanted:
        return Detected(fit, f"more do not fit into {memory >> 20} MiB of memory")
    return Detected(wanted, cpus.reason)


def listen_queue() -> Detected:
    """Size UWSGI_LISTEN: uWSGI does not start with more than the kernel allows."""
    allowed = kernel.somaxconn()
    return Detected(min(LONGEST_LISTEN_QUEUE, allowed), f"net.core.somaxconn is {allowed}")


def connections() -> Detected:
    """Size NGINX_WORKER_CONNECTIONS: a request can need a descriptor for each of its two sides."""
    files = kernel.descriptors()
    return Detected(min(MOST_CONNECTIONS, files // 2), f"{files} open files are allowed")


def queued(processes: int, threads: int, listen: int) -> Detected:
    """Size MAX_QUEUED_REQUESTS, with a quarter of uWSGI's queue left to health checks."""
    at_once = processes * threads
    wanted, room = QUEUED_PER_WORKER * at_once, max(1, listen * 3 // 4)
    if room < wanted:
        return Detected(room, f"UWSGI_LISTEN is {listen}")
    return Detected(wanted, f"{QUEUED_PER_WORKER} for each of {at_once} served at once")
