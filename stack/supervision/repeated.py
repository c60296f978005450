"""What is said again and again: the first times are shown, the rest are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

# So many kinds, and so many clients of each, are counted apart; what comes then is counted as one.
MOST_KINDS = 100
MOST_CLIENTS = 1000
OTHERS = b"others"


@dataclass
class Count:
    """How often something was said since the last summary, and of whom."""

    times: int = 0
    shown: int = 0
    clients: Counter[bytes] = field(default_factory=Counter)


class Repeated:
    """Counts by kind and client, in bounded memory."""

    def __init__(self) -> None:
        """Start with no count."""
        self.counts: dict[bytes, Count] = {}
        self.due: set[bytes] = set()

    def is_news(self, kind: bytes, client: bytes = b"", most: int = 1) -> bool:
        """Count once, and say whether to show it: up to `most` times, and once for each client."""
        count = self.counts.get(kind)
        if count is None:
            kind = kind if len(self.counts) < MOST_KINDS else OTHERS
            count = self.counts.setdefault(kind, Count())
        count.times += 1
        known = client in count.clients
        count.clients[client if known or len(count.clients) < MOST_CLIENTS else OTHERS] += 1
        if count.shown >= most or (known and client):
            return False
        count.shown += 1
        return True

    def summaries(self, at_once: bool = False) -> Iterator[tuple[bytes, Count]]:
        """Give the counts of what was not shown each time; to be called every five seconds.

        What began since the last call waits for the next, unless at_once is set. So a short burst
        is one count, even if a call comes in the middle of it.
        """
        for kind in [kind for kind in self.counts if at_once or kind in self.due]:
            count = self.counts.pop(kind)
            if count.times > count.shown:
                yield kind, count
        self.due = set(self.counts)
