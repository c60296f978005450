#!/usr/bin/env python3
"""Start the stack, or look after it: environment -> settings -> run/*.conf -> supervisord.

python entrypoint.py            serve
python entrypoint.py check      print the effective settings and generated files; start nothing
python entrypoint.py check --client ADDRESS    say whether ALLOWED lets this client in
python entrypoint.py check --json     the same for programs, as with --client ADDRESS
python entrypoint.py reload     load new code and settings' files into the stack that runs here
python entrypoint.py status     print what it is doing now, whoever hangs
python entrypoint.py healthy    exit 0 if the application answers
python entrypoint.py alive      exit 0 if nginx answers
python entrypoint.py version    print the versions of what is in here
python entrypoint.py app COMMAND    run a command as the application runs: in its folder, with its
                                environment, packages, file secrets and FLASK_APP
python entrypoint.py COMMAND    the same, as far as the settings allow it

In the image each of them is a command of its own too: docker exec NAME reload
"""

import signal

# This comes before all else: the kernel drops a TERM that PID 1 has no handler for. A blocked one
# stays pending, through exec too, until supervisord can handle it (stack/supervision/wakeup.py).
BLOCKED = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP}
signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)

import gc  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

# Python would write its byte code beside the sources; only run/ may be written.
sys.dont_write_bytecode = True

# os.path, because importing pathlib would take half the time of a health check.
ROOT, NAME = os.path.split(os.path.realpath(__file__))

# Neither PYTHONPATH and its like, nor packages of this user, have a say in what we import.
ISOLATED = ("-E", "-s")

# Commands of our own; stack/commands/arguments.py says what each takes.
COMMANDS = {"app", "check", "reload", "status", "healthy", "alive", "version", "--help", "-h"}


def isolate() -> None:
    """Start again with a Python that is ours and isolated, unless this one is."""
    if not sys.flags.ignore_environment:
        # Of two environments (stack/machine/venvs.py) the one that the application cannot write.
        ours = f"{sys.prefix.removesuffix('-app')}/bin/python3"
        python = ours if os.path.exists(ours) else sys.executable  # noqa: PTH110
        os.execv(python, [python, *ISOLATED, *sys.argv])


def main(called: str, arguments: list[str]) -> int:
    """Do what was asked for, by argument or by the name it was called, and return the status."""
    if called != NAME:
        arguments = [called, *arguments]
    match arguments:
        case ["healthy"] | ["alive"]:
            # Asked every few seconds: it imports nothing that it does not need.
            from stack import health

            return health.healthy(ROOT) if arguments == ["healthy"] else health.alive(ROOT)
        case ["status", *options] if {*options} <= {"--json", "--watch"}:
            # Asked when the machine has other things to do: the same.
            from stack.commands import status

            attend()
            os.chdir(ROOT)
            return status.status(ROOT, "--json" in options, "--watch" in options)
        case ["app", word, *_] if not word.startswith("-"):
            return run(arguments[1:], strict=True)
        case [word, *_] if word not in COMMANDS:
            return run(arguments, strict=False)
        case _:
            return manage(arguments)


def attend() -> None:
    """Be a command beside the stack, not the stack: the first to end when anything has to.

    Nobody waits for it as for PID 1, so a signal to stop ends it at once; and when memory runs out,
    the kernel kills it before a process that serves.
    """
    from stack.machine import oom

    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)
    oom.rank("self", oom.SECOND)


def manage(arguments: list[str]) -> int:
    """Do what one of our own commands, or none, asks for, and return the status."""
    from pathlib import Path

    from stack.commands.arguments import obey

    if arguments:
        attend()
    os.chdir(ROOT)
    return obey(Path(ROOT), os.environ, arguments)


def run(command: list[str], strict: bool) -> int:
    """Become another command, in the application's environment and, from our root, its folder.

    Where settings keep these from being told, it runs as it is, so that nobody is locked out of a
    shell; if that is not wanted (`app`), the status is 78.
    """
    from pathlib import Path

    from stack.application import environment
    from stack.settings.errors import ConfigError

    environ: dict[str, str] = dict(os.environ)
    folder = called_from = str(Path.cwd())
    os.chdir(ROOT)  # what settings name is relative to it
    try:
        in_folder, environ = environment.of_commands(Path(ROOT), environ)
        if called_from == ROOT:  # else somebody has chosen it, as with `docker run --workdir`
            folder = str(in_folder)
    except ConfigError as error:
        for mistake in error.args:
            print(f"entrypoint: {'error' if strict else 'warning'}: {mistake}", file=sys.stderr)
        if strict:
            return os.EX_CONFIG
    os.chdir(folder)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)
    try:
        os.execvpe(command[0], command, environ)
    except OSError as error:
        print(f"entrypoint: error: {command[0]}: {error.strerror}", file=sys.stderr)
        return 126 if isinstance(error, PermissionError) else 127


if __name__ == "__main__":
    isolate()
    status = main(os.path.split(sys.argv[0])[1], sys.argv[1:])
    # At its end Python would look through all that was imported, a tenth of a command's time.
    gc.freeze()
    sys.exit(status)
