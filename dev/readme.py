"""Make README.md's table of settings from the settings themselves: python3 -m dev.readme."""

from __future__ import annotations

import re

from dev import ROOT, Problem, finish
from stack.settings.table import table

README = ROOT / "README.md"
TABLE = re.compile(r"^\| variable \| default \| what it does \|\n(?:\|.*\n)+", re.MULTILINE)


def main(_: list[str]) -> int:
    """Rewrite the table."""
    README.write_text(renewed(README.read_text()))
    return 0


def renewed(text: str) -> str:
    """Put the table as it should be in the place of the one that is there."""
    if len(TABLE.findall(text)) != 1:
        raise Problem("README.md has not exactly one table that begins with | variable | default |")
    return TABLE.sub(lambda _: rows(), text)


def rows() -> str:
    """Write the table."""
    lines = ["| variable | default | what it does |", "|---|---|---|"]
    for each in table().values():
        lines.append(f"| `{each.name}` | {each.shown or f'`{each.default}`'} | {each.help} |")
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    finish(main)
