"""The words that follow a command's name, and what it is asked to do with them.

argparse is imported only where there are words: a start has none.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stack.commands.words import say
from stack.settings.errors import ConfigError

if TYPE_CHECKING:
    import argparse

ABOUT = {
    "check": "show the effective settings and the generated files; start and change nothing",
    "reload": "load new code and settings' files into the stack that runs here",
    "status": "show what the stack that runs here is doing now",
    "healthy": "exit with 0 if the application answers",
    "alive": "exit with 0 if nginx answers",
    "version": "name the versions of what is in here",
    "app": "run a command as the application runs: its folder, environment and packages",
}


def obey(root: Path, environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Do what was asked for; 78 with the reasons if something cannot be used, 2 for wrong words."""
    try:
        if not arguments:
            from stack.commands import serve

            return serve.serve(root, environ)
        return run(root, environ, parser().parse_args(arguments))
    except ConfigError as error:
        for mistake in error.args:
            say(f"error: {mistake}")
        return os.EX_CONFIG


def run(root: Path, environ: Mapping[str, str], asked: argparse.Namespace) -> int:
    """Run one command."""
    match asked.command:
        case "check":
            from stack.commands import check

            # When its reader has gone, as with `| head`, it ends without a traceback.
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            if asked.client is not None:
                return check.check_client(root, environ, asked.client, asked.json)
            return check.check(root, environ, asked.json)
        case "reload":
            from stack.commands import reload

            return reload.reload(root)
        case "status":
            from stack.commands import status

            return status.status(str(root), asked.json, asked.watch)
        case "version":
            from stack.commands import version

            return version.version(environ)
    raise AssertionError(asked.command)  # entrypoint.py itself runs the others


def parser() -> argparse.ArgumentParser:
    """Describe all commands."""
    import argparse

    whole = argparse.ArgumentParser(
        prog="entrypoint.py",
        description="Without a command: serve. Any command that is not named here is run as it is, "
        "in the application's environment.",
    )
    commands = whole.add_subparsers(dest="command", metavar="COMMAND")
    for name, about in ABOUT.items():
        each = commands.add_parser(name, help=about, description=about, prog=name)
        if name == "check":
            each.add_argument(
                "--client", metavar="ADDRESS", help="say whether ALLOWED lets this client in"
            )
            each.add_argument("--json", action="store_true", help="answer in JSON, for programs")
        if name == "status":
            each.add_argument("--json", action="store_true", help="for programs (docs/metrics.md)")
            each.add_argument("--watch", action="store_true", help="again every two seconds")
        if name == "app":
            each.add_argument("words", nargs="+", metavar="COMMAND", help="as in app flask routes")
    return whole
