"""The last minute, from what was counted every five seconds."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

from stack.supervision.observation.counting import BOUNDS, REASON, STATUS, Requests, by

SAMPLES = 13  # a minute, and one before it to compare with


class Sample(NamedTuple):
    """Counts at a moment of the monotonic clock."""

    at: float
    by_kind: Counter[bytes]
    duration: Sequence[int]
    waited: Sequence[int]


class Minute(NamedTuple):
    """What came to pass between two samples."""

    seconds: float
    statuses: dict[str, int]  # by class, 2xx
    duration: list[int]
    waited: list[int]
    turned_away: dict[str, int]

    @property
    def requests(self) -> int:
        """Count all of them."""
        return sum(self.statuses.values())


class Samples:
    """Those of the last minute."""

    def __init__(self, requests: Requests) -> None:
        """Begin with what there is."""
        self.requests = requests
        self.kept: deque[Sample] = deque([self.now()], SAMPLES)

    def now(self) -> Sample:
        """Copy the counts."""
        each = self.requests
        return Sample(
            time.monotonic(),
            Counter(each.by_kind),
            tuple(each.duration.buckets),
            tuple(each.waited.buckets),
        )

    def take(self) -> None:
        """Keep one more, in the place of the oldest."""
        self.kept.append(self.now())

    def minute(self) -> Minute:
        """Compare now with a minute ago, or with the start."""
        then, now = self.kept[0], self.now()
        kinds = now.by_kind - then.by_kind
        statuses: Counter[str] = Counter()
        for (status,), number in by([STATUS], kinds).items():
            statuses[f"{status[:1]}xx"] += number
        reasons = by([REASON], kinds).items()
        return Minute(
            now.at - then.at,
            dict(statuses),
            [new - old for new, old in zip(now.duration, then.duration, strict=True)],
            [new - old for new, old in zip(now.waited, then.waited, strict=True)],
            {reason: number for (reason,), number in reasons if reason != "-"},
        )


def quantile(share: float, buckets: Sequence[int]) -> float | None:
    """Estimate a quantile in seconds as Prometheus does: within a bucket, all are spread evenly."""
    rank, below, lower = share * sum(buckets), 0, 0.0
    if not sum(buckets):
        return None
    for bound, number in zip(BOUNDS, buckets, strict=False):
        if number and below + number >= rank:
            return lower + (bound - lower) * (rank - below) / number
        below, lower = below + number, bound
    return BOUNDS[-1]
