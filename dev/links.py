"""Follow every link of every page to its file and its heading: python3 -m dev.links.

Links to other hosts are left alone: they are nobody's who runs this.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from dev import ROOT, tree


def main() -> int:
    """Print what leads nowhere."""
    pages = [name for name in tree.files() if name.endswith(".md")]
    found = [line for name in pages for line in broken(ROOT / name)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


def broken(page: Path) -> list[str]:
    """Name the links of a page that lead to no file, or to no heading in it."""
    found = []
    for line, link in links(page):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = page.parent / unquote(parts.path) if parts.path else page
        if not target.exists():
            found.append(f"{page.relative_to(ROOT)}:{line}: {link}: there is no such file")
        elif parts.fragment and parts.fragment not in anchors(target):
            found.append(f"{page.relative_to(ROOT)}:{line}: {link}: there is no such heading")
    return found


def links(page: Path) -> Iterator[tuple[int, str]]:
    """Give the links and pictures of a page, with the line on which their paragraph begins."""
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text()):
        line = token.map[0] + 1 if token.map else 0
        for child in token.children or []:
            address = child.attrs.get("href") or child.attrs.get("src")
            if address:
                yield line, str(address)


def anchors(page: Path) -> set[str]:
    """Give the names of a page's headings, as GitHub and GitLab make them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(page.read_text())
    found: set[str] = set()
    for before, token in pairwise(tokens):
        if before.type == "heading_open":
            name = plain = slug(text(token))
            number = 0
            while name in found:
                number += 1
                name = f"{plain}-{number}"
            found.add(name)
    return found


def text(token: Token) -> str:
    """Give what a reader sees of a heading."""
    return "".join(child.content for child in token.children or [])


def slug(heading: str) -> str:
    """Make an anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


if __name__ == "__main__":
    sys.exit(main())
