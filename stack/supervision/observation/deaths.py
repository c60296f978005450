"""uWSGI's workers that died without having been asked to, from what its master says of each.

Whoever has a say in the application's output could write the same lines. So a worker counts only
if the kernel has called it a child of the master, once and while it lived.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

SPAWNED = re.compile(rb"^(?:s|Res)pawned uWSGI worker (\d+) \((?:new )?pid: (\d+)", re.MULTILINE)
HARAKIRI = re.compile(rb"^.{0,40}\*\*\* HARAKIRI ON WORKER \d+ \(pid: (\d+)", re.MULTILINE)
DIED = re.compile(
    rb"^DAMN ! worker (\d+) \(pid: (\d+)\) (?:died|MISTERIOUSLY)"
    rb"(?:,? killed by signal (\d+))?",
    re.MULTILINE,
)
REASONS = ("exit", "harakiri", "signal")
LONGEST = 4096  # bytes of a line that are kept until its end comes


class Deaths:
    """Counts them, by reason and by worker."""

    def __init__(self) -> None:
        """Start with none."""
        self.unfinished = b""
        self.alive: set[int] = set()
        self.too_slow: set[int] = set()
        self.by_reason: Counter[str] = Counter()
        self.by_worker: Counter[int] = Counter()
        self.last: tuple[float, str] | None = None  # when, in seconds since 1970, and why
        self.times: list[float] = []

    def know(self, pids: Iterable[int]) -> None:
        """Note workers that the master has named."""
        self.alive.update(pids)

    def take(self, data: bytes, master: int) -> None:
        """Take the program's output in pieces of any length."""
        whole, end, rest = data.rpartition(b"\n")
        if not end:
            self.unfinished = (self.unfinished + data)[-LONGEST:]
            return
        text, self.unfinished = self.unfinished + whole + end, rest[-LONGEST:]
        if b"uWSGI worker" not in text and b"DAMN" not in text and b"HARAKIRI" not in text:
            return
        self.know(int(pid) for _, pid in SPAWNED.findall(text) if is_child(int(pid), master))
        self.too_slow |= {int(pid) for pid in HARAKIRI.findall(text)} & self.alive
        for worker, pid, number in DIED.findall(text):
            if int(pid) in self.alive and not is_child(int(pid), master):
                self.count(int(worker), int(pid), int(number or 0))

    def count(self, worker: int, pid: int, number: int) -> None:
        """Count one that died, of a signal if there is a number."""
        reason = "harakiri" if pid in self.too_slow else "signal" if number else "exit"
        self.alive.discard(pid)
        self.too_slow.discard(pid)
        self.by_reason[reason] += 1
        self.by_worker[worker] += 1
        said = f"signal {number}" if reason == "signal" else reason
        self.last = time.time(), said
        self.times = [*self.times[-99:], self.last[0]]

    def since(self, seconds: float) -> int:
        """Count those of the last so many seconds, a hundred at the most."""
        return sum(each > time.time() - seconds for each in self.times)

    def restart(self) -> None:
        """Forget the workers: their master has ended."""
        self.alive.clear()
        self.too_slow.clear()


def is_child(pid: int, parent: int) -> bool:
    """Say whether a process lives whose parent this is."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return int(fields[1]) == parent and fields[0] != "Z"
