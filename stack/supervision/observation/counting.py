"""What requests came to, counted from the short lines that nginx writes about each for this alone.

A line has seven words (log_format counted in conf/nginx.conf): status and method, seconds in all,
seconds that it waited for a worker, bytes sent, bytes received, state of the cache, and for what
reason it was turned away. No word is a client's: nginx has replaced a method that it does not know.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

# Upper bounds in seconds: OpenTelemetry's for HTTP, and one for the default REQUEST_TIMEOUT.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0)

WORDS = 7
NONE = b"-"
HEALTH = b"health"


class Histogram:
    """How many took how long."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def add(self, seconds: Iterable[bytes]) -> None:
        """Count durations as nginx writes them, with three decimals; so most are the same."""
        for text, number in Counter(seconds).items():
            if text != NONE:
                value = float(text)
                self.buckets[bisect_left(BOUNDS, value)] += number
                self.sum += value * number


class Requests:
    """All requests since the start."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.unfinished = b""
        self.by_kind: Counter[bytes] = Counter()  # such as 200:GET
        self.duration, self.waited = Histogram(), Histogram()
        self.sent = self.received = 0
        self.cache: Counter[bytes] = Counter()
        self.turned_away: Counter[bytes] = Counter()
        self.unreadable = 0
        self.health = 0  # the status of the last health check

    def take(self, data: bytes) -> None:
        """Count what is whole in a piece of any length."""
        whole, end, rest = data.rpartition(b"\n")
        if not end:
            self.unfinished += data
            return
        whole, self.unfinished = self.unfinished + whole, rest
        words = whole.split()
        if len(words) == WORDS * (whole.count(b"\n") + 1):
            self.count(words)
            return
        for line in whole.split(b"\n"):  # one of them is something else
            self.one(line.split())

    def one(self, words: list[bytes]) -> None:
        """Take a line that is about a request, or about a health check."""
        if len(words) == WORDS:
            self.count(words)
        elif len(words) == 2 and words[0] == HEALTH and words[1].isdigit():
            self.health = int(words[1])
        else:
            self.unreadable += 1

    def count(self, words: list[bytes]) -> None:
        """Count the words of many lines, column by column: line by line takes twice as long."""
        kind, took, waited, sent, received, cache, reason = (
            words[at::WORDS] for at in range(WORDS)
        )
        try:
            sums = sum(map(int, sent)), sum(map(int, received))
            self.duration.add(took)
            self.waited.add(waited)
        except ValueError:
            self.unreadable += len(kind)
            return
        self.sent, self.received = self.sent + sums[0], self.received + sums[1]
        self.by_kind.update(kind)
        self.cache.update(cache)
        self.turned_away.update(reason)
