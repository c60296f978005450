"""What the commands say to whoever started them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from stack.application import predecessors, writing
from stack.nginx import configuration
from stack.nginx import program as nginx
from stack.settings import idle, misspelt, networks, static
from stack.settings.table import Settings, names

OPEN = "ALLOWED is not set: everyone may connect"


def say(text: str) -> None:
    """Write a line to stderr: stdout belongs to what was asked for."""
    print(f"entrypoint: {text}", file=sys.stderr)


def warn(
    root: Path, settings: Settings, environ: Mapping[str, str], say: Callable[[str], None] = say
) -> None:
    """Warn of settings that are valid but probably not meant."""
    if settings.allowed is None:
        say(f"warning: {OPEN}")
    if settings.dev != "0":
        say("warning: DEV is on: one worker, which starts again when a file changes; not for users")
    for proxy in networks.overlap(settings.allowed or (), settings.trusted_proxies or ()):
        say(
            f"warning: ALLOWED holds the trusted proxy {networks.written(proxy)}: "
            "a request on which it names no client is let in as its own"
        )
    for name, ours in misspelt.suspects(environ, names()).items():
        if name not in (settings.unchecked or ()):
            say(f"warning: {name} is not a setting; did you mean {ours}?")
    for without_effect in idle.idle(vars(settings), settings.sources):
        say(f"warning: {without_effect}")
    if not configuration.keeps_idle(nginx.version(environ)):
        say("warning: this nginx is older than 1.27.4: a reload or a stop cuts idle connections")
    if settings.static_path and (code := static.source(settings.static_path)):
        say(
            f"warning: STATIC_PATH: {settings.static_path} holds {code}, and nginx gives it to "
            "whoever may connect; name a folder that holds nothing but files for visitors"
        )
    if os.geteuid() == 0:
        say("warning: running as root, and so does the application; run as an ordinary user")
    warn_application(root / settings.app_dir, environ, say)


def warn_application(folder: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Warn of what in the application's folder has no effect or is missing."""
    for remnant in predecessors.left(environ, folder):
        say(f"warning: {remnant}")
    if unwritable := writing.unwritable(folder):
        say(f"warning: {unwritable}")
    if (folder / "requirements.txt").exists():
        # Imported only where needed: it takes a third of the time of a start.
        from stack.application import requirements

        if warning := requirements.warning(folder):
            say(f"warning: {warning}")
