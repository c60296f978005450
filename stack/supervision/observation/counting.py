"""What requests came to, counted from the short lines that nginx writes about each for this alone.

A line has five words (log_format counted in conf/nginx.conf): the request's kind, the seconds that
it took, the seconds that it waited for a worker, bytes sent and bytes received. The kind is status,
method, state of the cache and the reason for which it was turned away, as in 503:GET:-:overload. No
word is a client's: nginx has replaced a method that it does not know.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

# Upper bounds in seconds: OpenTelemetry's for HTTP, and one for the default REQUEST_TIMEOUT.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0)

WORDS = 5
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
        self.by_kind: Counter[bytes] = Counter()
        self.duration, self.waited = Histogram(), Histogram()
        self.sent = self.received = 0
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
        kind, took, waited, sent, received = (words[at::WORDS] for at in range(WORDS))
        try:
            sums = sum(map(int, sent)), sum(map(int, received))
            self.duration.add(took)
            self.waited.add(waited)
        except ValueError:
            self.unreadable += len(kind)
            return
        self.sent, self.received = self.sent + sums[0], self.received + sums[1]
        self.by_kind.update(kind)


STATUS, METHOD, CACHE, REASON = range(4)


def by(parts: Iterable[int], kinds: Counter[bytes]) -> Counter[tuple[str, ...]]:
    """Add up kinds of requests by some of their parts; one that is not whole is left out."""
    found: Counter[tuple[str, ...]] = Counter()
    wanted = tuple(parts)
    for kind, number in kinds.items():
        words = kind.decode(errors="replace").split(":")
        if len(words) == REASON + 1:
            found[tuple(words[at] for at in wanted)] += number
    return found
