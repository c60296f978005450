"""What a start would do, and whom ALLOWED lets in; nothing is started or changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from stack.application import prestart
from stack.commands.prepare import prepare, with_programs
from stack.commands.words import OPEN, say, warn
from stack.settings import networks, static
from stack.settings.errors import ConfigError
from stack.settings.table import Settings, table
from stack.settings.targets import Mount


def check(root: Path, environ: Mapping[str, str]) -> int:
    """Print what a start would do; start nothing and change nothing."""
    environ = with_programs(environ)
    settings = Settings.from_environ(environ)
    generated = prepare(root, settings, environ)
    warn(root, settings, environ)
    for what in static.missing(vars(settings)):
        say(f"warning: {what}; a start looks at it after {prestart.NAME}")
    for attribute, about in table().items():
        name = about.name
        print(f"{name} = {shown(getattr(settings, attribute))}  ({settings.sources[name]})")
    for name, text in generated.items():
        print(f"\n# run/{name}\n{text}", end="")
    return os.EX_OK


def check_client(environ: Mapping[str, str], client: str) -> int:
    """Say whether a client would be let in, and by which entry; 1 if not."""
    allowed = Settings.from_environ(environ).allowed
    try:
        entry = networks.entry_for(client, allowed or ())
    except ValueError:
        raise ConfigError(f"--client: {client!r}: is not an address; write one") from None
    if allowed is None or entry:
        why = f"ALLOWED has {networks.written(entry)}" if entry else OPEN
        print(f"{client} is let in: {why}")
        return os.EX_OK
    print(f"{client} is denied: ALLOWED does not contain it")
    return 1


def shown(value: object) -> str:
    """Write a setting's value as it would be given."""
    if isinstance(value, tuple):
        text = [
            str(each) if isinstance(each, Mount | str) else networks.written(each) for each in value
        ]
        return ";".join(text)
    return "not set" if value is None else str(value)
