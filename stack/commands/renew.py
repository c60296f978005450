"""Give nginx a renewed certificate; started by supervisord when files have changed, as a module."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from stack.commands.prepare import with_programs
from stack.commands.reload import served
from stack.commands.tls import FACTS, FILES, described
from stack.commands.words import say
from stack.nginx import certificates
from stack.nginx import program as nginx
from stack.run import files
from stack.settings.errors import ConfigError
from stack.settings.table import some


def renew(root: Path, environ: Mapping[str, str]) -> int:
    """Put the pair that is there now in the place of the one that is served, if it can be served.

    A reload does so too; the two wait for each other.
    """
    with files.locked(root / "run", lambda: None):
        try:
            found = certificates.read(some(environ, certificates.BLOCKS), time.time())
            generated = found.generated() if found else {}
            before = {name: text(root, name) for name in FILES}
            new = any(before[name] != generated.get(name, "") for name in FILES if name != FACTS)
            if new and (refused := refusal(root, environ, generated)):
                raise ConfigError(f"nginx refuses it:\n{refused}")
        except ConfigError as error:
            for mistake in error.args:
                say(f"error: {mistake}; the certificate from before stays")
            return os.EX_CONFIG
        files.write(root / "run", generated)
        if new:
            if served(root, "nginx"):  # else its next start takes them
                nginx.renew(root)
            say(f"the certificate was renewed: {described(generated[FACTS])}")
    return os.EX_OK


def text(root: Path, name: str) -> str:
    """Read a file below run/; nothing if there is none."""
    try:
        return (root / "run" / name).read_text()
    except FileNotFoundError:
        return ""


def refusal(root: Path, environ: Mapping[str, str], generated: Mapping[str, str]) -> str | None:
    """Have nginx test the configuration that it has, with these files in it."""
    running = {path.name: path.read_text() for path in (root / "run").glob("*.conf")}
    with files.rehearsal(root, {**running, **generated}) as copy:
        return nginx.refusal(copy, environ)


if __name__ == "__main__":
    sys.exit(renew(Path.cwd(), with_programs(os.environ)))
