"""Numbers and tables, written for people."""

from __future__ import annotations

from collections.abc import Callable

from tabulate import tabulate

from benchmarks.results import Spread


def number(value: float) -> str:
    """Write a number with three digits that count."""
    if not value:
        return "0"
    if abs(value) < 10:
        return f"{value:.2f}"
    return f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"


def spread(unit: str = "") -> Callable[[Spread], str]:
    """Make a writer: the median, and the least and the most in brackets."""

    def write(found: Spread) -> str:
        text = f"{number(found.middle)}{unit}"
        if found.count == 1:
            return text
        return f"{text} ({number(found.least)}..{number(found.most)})"

    return write


def table(head: list[str], rows: list[list[str]]) -> str:
    """Write a table in Markdown; nothing without rows."""
    return f"{tabulate(rows, head, 'github', disable_numparse=True)}\n" if rows else ""


def cell(found: Spread | None, unit: str = "") -> str:
    """Write one number, or that there is none."""
    return spread(unit)(found) if found else "–"
