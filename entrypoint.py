#!/usr/bin/env python3
"""Start the stack, or look at it: environment -> settings -> run/*.conf -> supervisord.

python entrypoint.py            serve
python entrypoint.py check      print the effective settings and generated files; start nothing
python entrypoint.py healthy    exit 0 if the application answers
python entrypoint.py COMMAND    run any other command untouched
"""

import signal

# The first statement: a TERM to PID 1 is lost while nobody handles it, blocked it waits for
# supervisord (stack/supervision.py), since a signal mask survives exec.
BLOCKED = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP}
signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)

import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

ROOT = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    """Do what was asked for and return the exit status."""
    if arguments == ["healthy"]:
        from stack import health

        return 0 if health.healthy(ROOT) else 1
    if arguments not in ([], ["check"]):
        return run(arguments)
    from stack import commands

    os.chdir(ROOT)
    try:
        return (commands.check if arguments else commands.serve)(ROOT, os.environ)
    except commands.ConfigError as error:
        for mistake in error.args:
            commands.say(f"error: {mistake}")
        return os.EX_CONFIG


def run(command: list[str]) -> int:
    """Become any other command, so that a wrong setting locks nobody out of a shell."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"entrypoint: error: {command[0]}: {error.strerror}", file=sys.stderr)
        return 126 if isinstance(error, PermissionError) else 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
