"""README.md says what the code does."""

from __future__ import annotations

from dev.readme import README, renewed
from stack.settings.table import Settings, table


def test_the_table_is_made_from_the_settings() -> None:
    assert README.read_text() == renewed(README.read_text()), "run `make readme`"


def test_it_can_be_read_in_one_sitting() -> None:
    assert len(README.read_text().splitlines()) <= 150


def test_every_setting_has_a_line_of_help() -> None:
    assert all(about.help.endswith(".") for about in table().values())
    assert len(table()) == len({about.name for about in table().values()})
    assert Settings.from_environ({}) == Settings.from_environ({})
