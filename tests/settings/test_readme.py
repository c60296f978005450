"""README.md says what the code does."""

from __future__ import annotations

import re

from stack.settings.table import Settings, table
from tests.support.stacks import ROOT

README = ROOT / "README.md"


def test_the_table_has_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", README.read_text(), re.MULTILINE)
    documented = dict(rows)
    assert list(documented) == [about["name"] for about in table().values()]
    for about in table().values():
        default = about["default"]
        if isinstance(default, str):
            assert f"`{default}`" in documented[about["name"]], about["name"]


def test_it_can_be_read_in_one_sitting() -> None:
    assert len(README.read_text().splitlines()) <= 150


def test_every_setting_has_a_line_of_help() -> None:
    assert all(about["help"].endswith(".") for about in table().values())
    assert len(table()) == len({about["name"] for about in table().values()})
    assert Settings.from_environ({}) == Settings.from_environ({})
