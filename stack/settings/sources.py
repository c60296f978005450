"""Where a setting's value comes from: its variable, a file that another one names, or a default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stack.errors import quoted
from stack.settings.declaration import Setting


def value(about: Setting, environ: Mapping[str, str], found: Mapping[str, Any]) -> tuple[Any, str]:
    """Find one setting's value, and where it comes from."""
    text, path = environ.get(about.name), environ.get(f"{about.name}_FILE")
    if path is not None:
        if text is not None:
            raise ValueError(f"is set, and {about.name}_FILE too; unset one of them")
        parse_file = about.parse_file or (lambda text: about.parse(line(text)))
        return parse_file(content(path)), f"file {path}"
    if text is not None:
        return about.parse(text), "environment"
    default = about.default
    if callable(default):
        detected = default(found)
        return detected.value, f"detected: {detected.reason}"
    return (None if default is None else about.parse(default)), "default"


def place(name: str, environ: Mapping[str, str]) -> str:
    """Say where a setting is written: in its variable, or in the file of the other one."""
    file = f"{name}_FILE"
    return file if file in environ and name not in environ else name


def content(path: str) -> str:
    """Read the file that a variable names, through any links, as secrets and configs have them."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ValueError(
            f"{quoted(path)}: cannot be read ({reason}); name a file that this user may read"
        ) from None


def line(text: str) -> str:
    """Take a file's text without its last line end."""
    return text.removesuffix("\n").removesuffix("\r")
