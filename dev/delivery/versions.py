"""Versions, and the tags that follow from them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

# Neither 1.2 nor 1.2.3-rc1: what is published is a release, and its tags are for everyone.
RELEASE = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")

Numbers = tuple[int, ...]


def numbers(version: str) -> Numbers | None:
    """Read a version as numbers, which compare as versions do; None if it is no release."""
    found = RELEASE.fullmatch(version)
    return tuple(map(int, found.groups())) if found else None


def newest(versions: Iterable[str]) -> str | None:
    """Give the highest release; what is no release does not count."""
    releases = {read: each for each in versions if (read := numbers(each))}
    return releases[max(releases)] if releases else None


def dated(version: str, epoch: int) -> str:
    """Name the tag that never moves: the version and the day of the build, in UTC."""
    return f"{version}-{datetime.fromtimestamp(epoch, UTC):%Y%m%d}"


def moving(version: str, published: Iterable[str]) -> list[str]:
    """Name the tags that this build takes over, given all tags that a registry has.

    1.2.3 always; 1.2, 1 and latest where there is nothing newer for them. So an older release
    that is built once more never takes `latest` from a newer one.
    """
    this = numbers(version)
    if this is None:
        raise ValueError(f"'{version}' is no release: write three numbers, as in 1.2.3")
    others = [read for each in published if (read := numbers(each))]
    tags = [version]
    for length, name in ((2, ".".join(map(str, this[:2]))), (1, str(this[0])), (0, "latest")):
        if all(other <= this for other in others if other[:length] == this[:length]):
            tags.append(name)
    return tags


def minor(number: str) -> str:
    """Shorten a version, with any words around it, to its first two numbers."""
    found = re.search(r"\d+\.\d+", number)
    return found[0] if found else number


def changed_minors(before: str, after: str) -> list[str]:
    """Compare what two images print for `version`; a line for each minor that may not change.

    A new minor of nginx, Alpine or Python is a new minor of ours, and not a rebuild.
    """
    old, new = (dict(line.split(" ", 1) for line in text.splitlines()) for text in (before, after))
    return [
        f"{name}: {old.get(name)} before, {new.get(name)} now"
        for name in ("nginx", "Python", "base")
        if minor(old.get(name, "")) != minor(new.get(name, ""))
    ]


def notes(changelog: str, version: str) -> str:
    """Cut the section of a version out of CHANGELOG.md, without its heading; "" if it has none."""
    heading = rf"^## [^\n]*(?<![\w.]){re.escape(version)}(?![\w.])[^\n]*\n(.*?)(?=^## |\Z)"
    found = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""
