"""Links between pages: what leads nowhere is named with its page and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev import links

PAGE = """\
# A `title`: with, marks

[good](other.md), [good](other.md#two-words), [good](#a-title-with-marks), [good](https://a.example/x)

[bad](missing.md)

| a | b |
|---|---|
| [bad](other.md#three) | ![bad](picture.png) |

    [in code](nothing.md)
"""


def test_files_and_headings_that_are_not_there_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(PAGE)
    (tmp_path / "other.md").write_text("## Two words\n\n## Two words\n")
    assert links.anchors(tmp_path / "other.md") == {"two-words", "two-words-1"}
    assert links.broken(tmp_path / "page.md") == [
        "page.md:5: missing.md: there is no such file",
        "page.md:9: other.md#three: there is no such heading",
        "page.md:9: picture.png: there is no such file",
    ]
