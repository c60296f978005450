"""The only way tests wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    predicate: Callable[[], T],
    *,
    timeout: float = 20.0,
    interval: float = 0.05,
    alive: Callable[[], bool] = lambda: True,
    report: Callable[[], str] = str,
) -> T:
    """Return the first true answer of a predicate; fail with a report when what is alive dies."""
    end = time.monotonic() + timeout
    pause = threading.Event()
    while not (answer := predicate()):
        assert alive(), f"it is gone while we wait for {predicate}\n{report()}"
        assert time.monotonic() < end, f"waited {timeout} s in vain for {predicate}\n{report()}"
        pause.wait(interval)
    return answer
