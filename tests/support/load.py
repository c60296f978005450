"""Steady load on 127.0.0.1 from 64 keep-alive clients (hey), and what they saw.

hey counts as a correct client does: it repeats a GET when an idle connection turns out to be
closed.
"""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.stacks import Stack
from tests.support.wait import wait_until

CLIENTS = 64
SLOW = 2  # seconds after which an answer counts as none
LONGEST = 180  # seconds of load, at the most


@dataclass
class Count:
    """What the clients saw."""

    good: int = 0
    unavailable: int = 0
    lost: int = 0
    refused: int = 0
    cut: int = 0
    details: str = ""
    slowest: float = 0.0  # seconds


class Probe(threading.Thread):
    """Ask every 10 ms, on a new connection, and note when the answer was not 200."""

    def __init__(self, stack: Stack) -> None:
        """Start at once."""
        super().__init__(daemon=True)
        self.stack = stack
        self.enough = threading.Event()
        self.failures: list[tuple[float, float]] = []
        self.start()

    def run(self) -> None:
        """Collect the failures: when each began and when it was over."""
        while not self.enough.is_set():
            began = time.monotonic()
            with contextlib.suppress(requests.RequestException):
                if self.stack.get().status_code == 200 and time.monotonic() - began < SLOW:
                    self.enough.wait(0.01)
                    continue
            self.failures.append((began, time.monotonic()))
            self.enough.wait(0.01)

    def outage(self, since: float) -> float:
        """Say how long after a moment the last failure was over, in seconds."""
        self.enough.set()
        self.join()
        return max([over - since for began, over in self.failures if over > since] or [0.0])


@contextmanager
def load(
    port: int,
    path: str = "/",
    options: tuple[str, ...] = (),
    inside: tuple[str, ...] = (),
    scheme: str = "http",
) -> Iterator[Count]:
    """Keep 64 clients busy while the body runs, and count their answers.

    options are more of hey's; inside is a command that runs it somewhere else.
    """
    count = Count()
    url = f"{scheme}://127.0.0.1:{port}{path}"
    command = ("hey", "-z", f"{LONGEST}s", "-c", str(CLIENTS), "-t", "10", *options, url)
    with subprocess.Popen([*inside, *command], stdout=subprocess.PIPE, text=True) as hey:
        try:
            wait_until(lambda: busy(port, hey.pid) >= CLIENTS)
            yield count
        finally:
            hey.send_signal(signal.SIGINT)
            report, _ = hey.communicate(timeout=30)
    read(report, count)


def busy(port: int, pid: int | str = "self") -> int:
    """Count the established connections to a port, in the network of a process.

    psutil reads its own process's network only.
    """
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def read(report: str, count: Count) -> None:
    """Add up hey's report: statuses, and errors but for connections that were refused."""
    for status, number in re.findall(r"^\s+\[(\d{3})\]\s+(\d+) responses", report, re.MULTILINE):
        if status.startswith("2"):
            count.good += int(number)
        elif status == "503":
            count.unavailable += int(number)
        else:
            count.lost += int(number)
            count.details += f" {number} x {status}"
    for seconds in re.findall(r"^\s+Slowest:\s+([0-9.]+) secs", report, re.MULTILINE):
        count.slowest = max(count.slowest, float(seconds))
    reasons: Counter[str] = Counter()
    for number, text in re.findall(r"^\s+\[(\d+)\]\s+(Get .*)$", report, re.MULTILINE):
        if "connection refused" in text:
            count.refused += int(number)
        else:
            count.lost += int(number)
            count.cut += int(number)
            reasons[text.rpartition(": ")[2]] += int(number)
    count.details += "".join(f" {number} x {reason}" for reason, number in reasons.items())


def counted(count: Count) -> str:
    """Write two cells: what was sent, and all that was not answered with 2xx."""
    lost = count.lost + count.refused + count.unavailable
    details = f" {count.unavailable} x 503" if count.unavailable else ""
    details += f" {count.refused} x refused" if count.refused else ""
    details = (details + count.details).strip()
    return f"{count.good + lost} | {lost}{details and f' ({details})'}"
