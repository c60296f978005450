"""Where a setting's value comes from: its variable, a file that another one names, or a default."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from stack.machine import regular as machine
from stack.settings.declaration import Setting
from stack.settings.errors import quoted

# Characters; a hundred thousand entries of ALLOWED take four million.
LARGEST = 16 << 20
# Seconds.
PATIENCE = 10


def value(about: Setting, environ: Mapping[str, str], found: Mapping[str, Any]) -> tuple[Any, str]:
    """Find one setting's value, and where it comes from."""
    text = environ.get(about.name)
    path = None if about.is_a_file else environ.get(f"{about.name}_FILE")
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
        return within(PATIENCE, lambda: regular(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ValueError(
            f"{quoted(path)}: cannot be read ({reason}); name a file that this user may read"
        ) from None


def regular(path: str) -> str:
    """Read a file that is one, and not too long."""
    with os.fdopen(machine.opened(path), encoding="utf-8") as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise OSError(errno.EFBIG, f"it is longer than {LARGEST >> 20} MiB")
    return text


def within(seconds: float, work: Callable[[], str]) -> str:
    """Wait so long for some work and no longer: a network's file system can leave it hanging."""
    answer: list[str | Exception] = []

    def attempt() -> None:
        try:
            answer.append(work())
        except (OSError, ValueError) as error:
            answer.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    if not answer:
        raise OSError(errno.ETIMEDOUT, f"it could not be in {seconds:.0f} s")
    if isinstance(answer[0], Exception):
        raise answer[0]
    return answer[0]


def line(text: str) -> str:
    """Take a file's text without its last line end."""
    return text.removesuffix("\n").removesuffix("\r")
