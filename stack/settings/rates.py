"""How much of the service one client may take: RATE_LIMIT and what goes with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stack.settings.errors import quoted
from stack.settings.sizes import Detected

RATE = re.compile(r"([1-9][0-9]{0,5})/([sm])")

# May come at once, however low the rate is: a page has as many parts.
LEAST_BURST = 10


@dataclass(frozen=True)
class Rate:
    """So many requests in a second (s) or a minute (m)."""

    count: int
    unit: str

    def __str__(self) -> str:
        """Write it as it is given."""
        return f"{self.count}/{self.unit}"

    def interval(self) -> float:
        """Say after how many seconds there is room for one more."""
        return (1 if self.unit == "s" else 60) / self.count


def rate(text: str) -> Rate | None:
    """Parse a rate; None for none."""
    if text == "off":
        return None
    if found := RATE.fullmatch(text):
        return Rate(int(found[1]), found[2])
    raise ValueError(
        f"{quoted(text)}: is not a rate; write requests in a second or a minute, as in 20/s or "
        "600/m, or off"
    )


def or_off(number: Callable[[str], int]) -> Callable[[str], int | None]:
    """Make a parser of numbers that can be off."""

    def parse(text: str) -> int | None:
        return None if text == "off" else number(text)

    return parse


def burst(found: Mapping[str, Any]) -> Detected:
    """Follow the rate: twice what comes in a second."""
    limit = found["rate_limit"]
    if not limit:
        return Detected(LEAST_BURST, "RATE_LIMIT is off")
    return Detected(max(LEAST_BURST, round(2 / limit.interval())), f"RATE_LIMIT is {limit}")
