"""Variables of the application whose values stay in files until a worker reads them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from stack.settings import sources, table
from stack.settings.errors import ConfigError, quoted


def paths(names: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Map each of ENV_FROM_FILES' variables to its file; ConfigError lists all mistakes."""
    found: dict[str, str] = {}
    mistakes: list[str] = []
    for name in names:
        try:
            found[name] = path(name, environ)
        except ValueError as error:
            mistakes.append(f"ENV_FROM_FILES: {quoted(name)}: {error}")
    if mistakes:
        raise ConfigError(*mistakes)
    return found


def path(name: str, environ: Mapping[str, str]) -> str:
    """Find the file of one variable, and make sure that it can be read."""
    file = f"{name}_FILE"
    if name in table.names():
        raise ValueError(f"is a setting of ours, which reads {file} without being asked to")
    if file not in environ:
        raise ValueError(f"{file} is not set; set it to the path of the file")
    if name in environ:
        raise ValueError(f"is set, and {file} too; unset one of them")
    value(environ[file])
    return os.path.abspath(environ[file])  # noqa: PTH100 - links stay, a reload follows them anew


def value(path: str) -> str:
    """Read a variable's value: the file's text without its last line end."""
    text = sources.line(sources.content(path))
    if "\0" in text:
        raise ValueError(f"{quoted(path)}: holds a NUL, which no variable can; write text")
    return text
