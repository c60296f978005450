"""What the entrypoint can be asked to do."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from stack import reload as reloading
from stack import run
from stack.application import environment, plan, predecessors, prestart, writing
from stack.errors import ConfigError
from stack.machine import kernel, venvs
from stack.nginx import configuration, dropins
from stack.nginx import program as nginx
from stack.settings import misspelt, networks, static
from stack.settings.shutdown import Budget
from stack.settings.table import Settings, names, table
from stack.settings.targets import Mount
from stack.uwsgi import options
from stack.uwsgi import program as uwsgi

OPEN = "ALLOWED is not set: everyone may connect"

# nginx is not on an ordinary user's PATH.
SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def serve(root: Path, environ: Mapping[str, str]) -> int:
    """Become supervisord, with everything in place that it needs."""
    environ = with_programs(environ)
    settings = Settings.from_environ(environ)
    nginx.claim(settings.listen_port)
    generated = prepare(root, settings, environ)
    warn(root, settings, environ)
    kernel.limit_descriptors()
    environ = of_supervisord(root, settings, environ)
    if (status := prestarted(root, settings, environ)) is not None:
        return status
    require(static.missing(vars(settings)))  # prestart may have made it
    run.clear(root / "run")
    run.write(root / "run", generated)
    run.make_socket(root / "run")
    return become_supervisord(environ)


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


def reload(root: Path) -> int:
    """Have the running stack change over to what is on the disk now, if that can be used."""
    return reloading.in_turn(root, lambda: change_over(root), say)


def change_over(root: Path) -> int:
    """Do so, while no other reload does."""
    environ = with_programs(reloading.running(root))
    settings = Settings.from_environ(environ)
    require(static.missing(vars(settings)))
    generated = prepare(root, settings, environ)
    with run.rehearsal(root, generated) as copy:
        uwsgi.try_application(root, copy, environ)
    if reloading.apply(root, generated):
        say("reloaded")
        return os.EX_OK
    say(f"error: the reload goes on, {reloading.PATIENCE} s after it began; see the log")
    return 1


def require(mistakes: Iterable[str]) -> None:
    """Raise ConfigError if there are any."""
    if found := list(mistakes):
        raise ConfigError(*found)


def with_programs(environ: Mapping[str, str]) -> dict[str, str]:
    """Copy an environment, with a PATH on which our own programs and the system's are found."""
    path = [f"{venvs.ours()}/bin", environ.get("PATH", os.defpath), *SYSTEM]
    return {**environ, "PATH": os.pathsep.join(path)}


def prepare(root: Path, settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Render all generated files and have nginx test them; ConfigError if they cannot be used.

    Nothing stays written but the folder run/ itself.
    """
    prestart.find(root / settings.app_dir)
    options.check(root, settings, environ)
    folder = run.make(root)
    generated = {
        **configuration.files(settings, nginx.version(environ), kernel.room(folder)),
        **plan.files(root, settings, environ),
    }
    with run.rehearsal(root, generated) as copy:
        if refused := nginx.refusal(copy, environ):
            raise ConfigError(f"nginx refuses its configuration:\n{refused}")
        # The list of clients says nothing about escapes, and a long one takes a second to parse.
        short = {"permissions.conf": "deny all;\n", "allowed.conf": "geo $listed {\n}\n"}
        run.write(copy / "run", short)
        for escape in dropins.escapes(copy):
            say(f"warning: {escape}")
    return generated


def of_supervisord(root: Path, settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of supervisord, and so of uWSGI and the application."""
    of_nginx = nginx.own_environ(environ)
    return {
        **{name: value for name, value in environ.items() if not name.startswith("UWSGI_")},
        **options.environ(settings, environ),
        **Budget.of(settings.shutdown_timeout).environ(),
        "TMPDIR": f"{root}/run/tmp",
        "VIRTUAL_ENV": venvs.applications(),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "OUR_PROGRAMS": f"{venvs.ours()}/bin",
        "APP_PATH": environment.path(environ),
        "NGINX_ENVIRON": shlex.join(f"{name}={value}" for name, value in of_nginx.items()),
    }


def prestarted(root: Path, settings: Settings, environ: Mapping[str, str]) -> int | None:
    """Run the application's prestart as the application will run; a status ends the start."""
    program = prestart.find(root / settings.app_dir)
    if not program:
        return None
    seen = environment.of_programs(program.parent, vars(settings), environ)
    say(f"running {program}")
    try:
        went_well = prestart.run(
            program, seen, settings.prestart_timeout, settings.shutdown_timeout
        )
    except prestart.Failed as error:
        say(f"error: {program}: {error}; nothing was started")
        return 1
    return None if went_well else os.EX_OK


def become_supervisord(environ: Mapping[str, str]) -> int:
    """Replace this process: supervisord is then what signals reach, and PID 1 in a container."""
    # With -m the working directory is on the module path, so that supervisord finds stack/.
    supervisord = [sys.executable, "-m", "stack.supervision", "-c", "supervisord.conf"]
    # Told that root is meant, supervisord does not warn of it once more.
    user = ["--user", "root"] if os.geteuid() == 0 else []
    return os.execve(sys.executable, [*supervisord, *user], environ)


def warn(root: Path, settings: Settings, environ: Mapping[str, str]) -> None:
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
    if not configuration.keeps_idle(nginx.version(environ)):
        say("warning: this nginx is older than 1.27.4: a reload or a stop cuts idle connections")
    if settings.static_path and (code := static.source(settings.static_path)):
        say(
            f"warning: STATIC_PATH: {settings.static_path} holds {code}, and nginx gives it to "
            "whoever may connect; name a folder that holds nothing but files for visitors"
        )
    if os.geteuid() == 0:
        say("warning: running as root, and so does the application; run as an ordinary user")
    warn_application(root / settings.app_dir, environ)


def warn_application(folder: Path, environ: Mapping[str, str]) -> None:
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


def say(text: str) -> None:
    """Write a line to stderr: stdout belongs to what was asked for."""
    print(f"entrypoint: {text}", file=sys.stderr)


def shown(value: object) -> str:
    """Write a setting's value as it would be given."""
    if isinstance(value, tuple):
        text = [
            str(each) if isinstance(each, Mount | str) else networks.written(each) for each in value
        ]
        return ";".join(text)
    return "not set" if value is None else str(value)
