"""Signals that wait until something is in order again."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def held() -> Iterator[None]:
    """Note the signals that ask us to stop, and follow the first of them at the end."""
    noted: list[int] = []
    # A function, not SIG_IGN: children inherit what is ignored, and they shall hear Ctrl-C.
    before = {
        each: signal.signal(each, lambda number, _: noted.append(number)) for each in STOPPING
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if noted:
        sys.exit(128 + noted[0])
