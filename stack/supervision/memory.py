"""Processes that the kernel kills because the container's memory is used up."""

from __future__ import annotations

from stack.machine import cgroup


class Memory:
    """Counts them, since nobody else says why they died."""

    def __init__(self) -> None:
        """Find the limit, and how many were killed before."""
        self.limit = cgroup.memory()
        self.known = self.kills()

    def kills(self) -> int:
        """Count all kills of this group so far; none where it has no limit."""
        return (cgroup.oom_kills() or 0) if self.limit else 0

    def news(self) -> str:
        """Describe the kills since the last time, with what helps; nothing if there were none."""
        before, self.known = self.known, self.kills()
        if not self.limit or self.known <= before:
            return ""
        killed = self.known - before
        return (
            f"out of memory: the kernel killed {killed} of the processes, because the limit of "
            f"{self.limit >> 20} MiB was reached; raise it (docker run --memory), or lower "
            "UWSGI_PROCESSES or UWSGI_THREADS"
        )
