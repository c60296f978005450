"""The fifo on which uWSGI's master takes commands of one character each."""

from __future__ import annotations

import os
from pathlib import Path

# Replace the workers one after another; and one that it does not know, at which it looks for dead
# workers at once, instead of once a second.
CHAIN, NUDGE = "c", "x"
# Have one worker more, or one less (cheaper-algo = manual).
MORE, LESS = "+", "-"


def tell(fifo: Path, words: str) -> bool:
    """Say something to uWSGI, and return whether it could hear it.

    An ordinary write would wait until it listens: it does not for moments, and once it is gone.
    """
    try:
        descriptor = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return os.write(descriptor, words.encode()) == len(words)
    except OSError:
        return False
    finally:
        os.close(descriptor)
