"""The settings of the files that nginx serves itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stack.settings.errors import quoted
from stack.settings.sizes import Detected
from stack.worker.modules import modules

URL = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?")
# Characters that have a meaning between nginx's quotes.
UNQUOTABLE = re.compile(r'["\\$\x00-\x1f\x7f]')

# The name of a file, right below the folder.
NAME = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")

# SPA_API_PREFIX=/: the page is at / itself, and nowhere else.
ALL = ("/",)

EXAMPLE = "example"

# Names that are looked at for Python code: a start is not to wait for a folder of a million.
MOST_LOOKED_AT = 20_000


def of_example(folder: str, named: object) -> Detected:
    """Serve the example's folder with the example; another application's files are its own."""
    plain = not UNQUOTABLE.search(folder)
    if named is None and plain and modules(Path(folder)) == [EXAMPLE]:
        return Detected(f"{folder}/{EXAMPLE}/static", "the example's own")
    return Detected(None, "the application serves its own; name their folder to have nginx do it")


def folder(text: str) -> str:
    """Parse the path of a folder, relative to the tree's root or absolute."""
    if UNQUOTABLE.search(text):
        raise ValueError(
            f"{quoted(text)}: holds a character that nginx's configuration cannot; rename it"
        )
    if not text:
        raise ValueError(f"{quoted(text)}: names no folder; {how()}, or unset it")
    return text.rstrip("/")


def how() -> str:
    """Say how a folder is named."""
    return f"name one by its absolute path, or from {Path.cwd()}, where your application is in app/"


def source(path: str) -> str | None:
    """Name a file of Python code that would be served from a folder, if one is found soon."""
    seen = 0
    for place, folders, names in os.walk(path):
        folders[:] = [each for each in folders if not each.startswith(".")]  # never served
        for name in names:
            if name.endswith(".py"):
                return os.path.relpath(f"{place}/{name}", path)
        seen += len(names) + len(folders)
        if seen > MOST_LOOKED_AT:
            break
    return None


def url(text: str) -> str:
    """Parse a path below which others lie."""
    if URL.fullmatch(text):
        # With the / at its end the location does not match /staticfiles.
        return f"{text.rstrip('/')}/"
    raise ValueError(
        f"{quoted(text)}: is not the path of a folder below /; write one of letters, digits and "
        ". _ ~ -, as in /static/"
    )


def prefixes(text: str) -> tuple[str, ...]:
    """Parse the paths that stay the application's beside a page: some, or / for all of them."""
    entries = [each for part in text.split(";") if (each := part.strip())]
    found = tuple(dict.fromkeys(each if each == "/" else url(each) for each in entries))
    if not found:
        raise ValueError(f"{quoted(text)}: names no path; write one, as in /api/, or unset it")
    if "/" in found and found != ALL:
        raise ValueError(
            f"{quoted(text)}: / stands for all paths, and others beside it mean nothing; "
            "write / alone, or leave it out"
        )
    return found


def place(page: str | None, application: tuple[str, ...]) -> Detected:
    """Find the path of the files when none is given."""
    if page and application != ALL:
        return Detected("/", "SPA_FALLBACK puts the files there")
    return Detected("/static/", "where most applications have them")


def name(text: str) -> str:
    """Parse the name of the file that stands in for every page."""
    if NAME.fullmatch(text):
        return text
    raise ValueError(
        f"{quoted(text)}: is not a file's name; write one that lies in STATIC_PATH, as index.html"
    )


def conflicts(found: Mapping[str, Any]) -> Iterator[str]:
    """Describe a page without a folder, and a path that is two things, with its remedy."""
    path, fallback = found["static_path"], found["spa_fallback"]
    if not fallback:
        return
    if not path:
        yield (
            f"SPA_FALLBACK: {quoted(fallback)}: is a file in STATIC_PATH, which is not set; "
            "name the folder of your build there"
        )
    taken = {found["static_url"]: "STATIC_URL", f"/{fallback}/": "SPA_FALLBACK"}
    for prefix in found["spa_api_prefix"]:
        if prefix in taken:
            yield (
                f"SPA_API_PREFIX: {quoted(prefix)}: is where {taken[prefix]} has files; "
                "give one of them another path"
            )


def missing(found: Mapping[str, Any]) -> Iterator[str]:
    """Describe what nginx is to serve and does not exist, with its remedy."""
    path, fallback = found["static_path"], found["spa_fallback"]
    # pathlib raises for a name that is too long, before Python 3.14.
    if path and not (os.path.isdir(path) and os.access(path, os.R_OK | os.X_OK)):  # noqa: PTH112
        yield (
            f"STATIC_PATH: {quoted(path)}: is not a folder that uid {os.geteuid()} can read; "
            f"{how()}"
        )
    elif path and fallback and not os.path.isfile(f"{path}/{fallback}"):  # noqa: PTH113
        yield (
            f"SPA_FALLBACK: {quoted(fallback)}: is not in STATIC_PATH, {path}; "
            "build it, or name a file that is there"
        )
