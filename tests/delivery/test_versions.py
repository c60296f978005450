"""Versions, tags and notes, as publishing reads and makes them."""

from __future__ import annotations

import pytest

from dev import ROOT
from dev.delivery import versions
from stack import VERSION


@pytest.mark.parametrize(
    ("version", "published", "tags"),
    [
        ("1.0.0", "", "1.0.0 1.0 1 latest"),
        ("1.0.0", "1.0.0 1.0 1 latest 1.0.0-20261126 sha256-ab.sig", "1.0.0 1.0 1 latest"),
        ("1.0.1", "1.0.0", "1.0.1 1.0 1 latest"),
        ("1.0.0", "1.0.1", "1.0.0"),
        ("1.0.2", "1.1.0 1.0.1", "1.0.2 1.0"),
        ("1.9.0", "2.0.0 1.8.3", "1.9.0 1.9 1"),
        ("1.10.0", "1.9.0", "1.10.0 1.10 1 latest"),
        ("2.0.0", "1.9.0 1.10.4", "2.0.0 2.0 2 latest"),
        ("0.1.0", "", "0.1.0 0.1 0 latest"),
    ],
)
def test_a_build_takes_over_the_tags_for_which_there_is_nothing_newer(
    version: str, published: str, tags: str
) -> None:
    assert versions.moving(version, published.split()) == tags.split()


@pytest.mark.parametrize("version", ["", "1", "1.2", "v1.2.3", "1.2.3-rc1", "01.2.3", "1.2.3\n"])
def test_what_is_no_release_is_not_published(version: str) -> None:
    with pytest.raises(ValueError, match="no release"):
        versions.moving(version, [])


def test_the_tag_that_never_moves_has_the_day_in_utc() -> None:
    assert versions.dated("1.2.3", 1764115199) == "1.2.3-20251125"
    assert versions.dated("1.2.3", 1764115200) == "1.2.3-20251126"


def test_versions_are_compared_as_numbers() -> None:
    assert versions.newest(["1.9.0", "1.10.0", "2.0.0-rc1", "nonsense", "1.2"]) == "1.10.0"
    assert versions.newest(["edge"]) is None


BEFORE = "nginx 1.30.4\nPython 3.14.1\nbase Alpine Linux v3.24\nFlask 3.1.2\n"


@pytest.mark.parametrize(
    ("after", "changed"),
    [
        ("nginx 1.30.6\nPython 3.14.8\nbase Alpine Linux v3.24\nFlask 3.2.0\n", []),
        ("nginx 1.32.0\nPython 3.14.1\nbase Alpine Linux v3.24\n", ["nginx"]),
        ("nginx 1.30.4\nPython 3.15.0\nbase Alpine Linux v3.25\n", ["Python", "base"]),
        ("nginx 1.30.4\nPython 3.14.1\n", ["base"]),
    ],
)
def test_a_rebuild_may_change_patches_and_no_minor(after: str, changed: list[str]) -> None:
    found = versions.changed_minors(BEFORE, after)
    assert [line.partition(":")[0] for line in found] == changed


CHANGELOG = """\
# Changelog

## Unreleased: 1.10.0

### Added

- This.

## 1.1.0 – 2026-12-01

- That, as in 1.0.0.

## 1.0.0

- All.
"""


def test_the_notes_of_a_version_are_its_section() -> None:
    assert versions.notes(CHANGELOG, "1.10.0") == "### Added\n\n- This."
    assert versions.notes(CHANGELOG, "1.1.0") == "- That, as in 1.0.0."
    assert versions.notes(CHANGELOG, "1.0.0") == "- All."
    assert versions.notes(CHANGELOG, "1.1") == versions.notes(CHANGELOG, "10.0") == ""


def test_the_changelog_has_notes_for_the_version_that_this_is() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    first = next(line for line in text.splitlines() if line.startswith("## "))
    assert VERSION in first.split()
    assert versions.notes(text, VERSION)
