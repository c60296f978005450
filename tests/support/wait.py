"""The only way tests wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Seconds after which something counts as hanging; nothing that is tested takes as long.
HANGS = 60.0


def wait_until(
    predicate: Callable[[], T],
    *,
    timeout: float = HANGS,
    alive: Callable[[], bool] = lambda: True,
    report: Callable[[], str] = str,
) -> T:
    """Return the first true answer of a predicate; fail with a report when what is alive dies.

    The longer it takes, the more seldom it asks: to ask costs what others wait for.
    """
    began, end = time.monotonic(), time.monotonic() + timeout
    pause = threading.Event()
    while not (answer := predicate()):
        assert alive(), f"it is gone while we wait for {predicate}\n{report()}"
        assert time.monotonic() < end, f"waited {timeout} s in vain for {predicate}\n{report()}"
        pause.wait(min(0.02 + (time.monotonic() - began) / 8, 0.5))
    return answer
