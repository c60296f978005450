"""Parsers of single values; each raises ValueError with the value, the reason and a remedy."""

from __future__ import annotations

import re
from collections.abc import Callable

from stack.settings.errors import quoted

SIZE = re.compile(r"([0-9]{1,9})([kKmMgG]?)")
PATH = re.compile(r"/[A-Za-z0-9/._~-]*")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NUMBER = re.compile(r"[0-9]{1,9}")


def number(lowest: int, highest: int) -> Callable[[str], int]:
    """Make a parser of whole numbers from lowest to highest."""

    def parse(text: str) -> int:
        if NUMBER.fullmatch(text) and lowest <= int(text) <= highest:
            return int(text)
        raise ValueError(
            f"{quoted(text)}: is not a whole number from {lowest} to {highest}; "
            "write digits only, or unset it for the default"
        )

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    """Make a parser of a few words."""

    def parse(text: str) -> str:
        if text in words:
            return text
        raise ValueError(f"{quoted(text)}: is not known; write one of: {', '.join(words)}")

    return parse


LEVELS = ("debug", "info", "warning", "error", "critical")


def level(text: str) -> str:
    """Parse a level of Python's logging, in any case: many applications have the same variable."""
    return one_of(*LEVELS)(text.lower())


def folder(text: str) -> str:
    """Parse the path of a folder, absolute or from the root of the tree."""
    if text and text.isprintable():
        return text
    raise ValueError(f"{quoted(text)}: is not the path of a folder; write one, as in /srv/app")


def names(text: str) -> tuple[str, ...]:
    """Parse names of variables, separated by commas or `;`."""
    found = [each for part in text.replace(";", ",").split(",") if (each := part.strip())]
    for each in found:
        if not NAME.fullmatch(each):
            raise ValueError(
                f"{quoted(each)}: is not the name of a variable; write names with commas between, "
                "as in DATABASE_URL,SECRET_KEY"
            )
    return tuple(found)


def size(text: str) -> str:
    """Parse a size in bytes as nginx writes it: digits, then k, m or g for its multiples."""
    if SIZE.fullmatch(text):
        return text.lower()
    raise ValueError(
        f"{quoted(text)}: is not a size; write digits and k, m or g, as in 20m (0 for no limit)"
    )


def path(text: str) -> str:
    """Parse the path of a URL, without a query."""
    if PATH.fullmatch(text):
        return text
    raise ValueError(
        f"{quoted(text)}: is not a plain path; write one that starts with / and holds "
        "letters, digits and / . _ ~ - only, as in /health"
    )
