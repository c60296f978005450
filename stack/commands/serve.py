"""The start: from the environment to supervisord."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from stack.application import environment, prestart
from stack.commands import beside, tls
from stack.commands.prepare import Prepared, prepare, require, with_programs
from stack.commands.service import service
from stack.commands.words import say, warn
from stack.machine import kernel, venvs
from stack.nginx import program as nginx
from stack.run import files
from stack.settings import static
from stack.settings.table import Settings
from stack.uwsgi import folders, options


def serve(root: Path, environ: Mapping[str, str]) -> int:
    """Become supervisord, with everything in place that it needs."""
    # The process may be older: `make run-host` has made .venv before it became this.
    environ = {**with_programs(environ), "STACK_BEGAN": f"{time.monotonic()}"}
    settings = Settings.from_environ(environ)
    nginx.claim(settings)
    certificate = tls.certificate(settings)
    prepared = prepare(root, settings, environ, tls.files(certificate))
    warn(root, settings, environ)
    tls.warn(certificate, say)
    kernel.limit_descriptors()
    environ = of_supervisord(root, settings, prepared, environ)
    if (status := prestarted(root, settings, environ)) is not None:
        return status
    require(static.missing(vars(settings)))  # prestart may have made it
    files.clear(root / "run")
    files.write(root / "run", prepared.files)
    for socket in (folders.make(root), root / "run/nobody.sock"):
        files.make_socket(socket)
    return become_supervisord(environ)


def of_supervisord(
    root: Path, settings: Settings, prepared: Prepared, environ: Mapping[str, str]
) -> dict[str, str]:
    """Give the environment of supervisord, and so of uWSGI and the application."""
    of_nginx = nginx.own_environ(environ)
    return {
        **{name: value for name, value in environ.items() if not name.startswith("UWSGI_")},
        **options.environ(settings, prepared.budget, environ),
        beside.GIVEN: beside.to_keep(environ),
        **prepared.budget.environ(),
        "PROGRAMS_THAT_WAIT": " ".join(prepared.programs.waiting()),
        "TMPDIR": f"{root}/run/tmp",
        "VIRTUAL_ENV": venvs.applications(),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "OUR_LOG_LEVEL": settings.log_level,
        "OUR_SERVICE": service(settings, kernel.has_ipv6()),
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
    # Isolated as entrypoint.py is; with -m the working directory is on the module path, so that
    # supervisord finds stack/, but for a PYTHONSAFEPATH, which -E ignores too.
    python = [sys.executable, "-E", "-s", "-B", "-u"]
    supervisord = [*python, "-m", "stack.supervision", "-c", "supervisord.conf"]
    # Told that root is meant, supervisord does not warn of it once more.
    user = ["--user", "root"] if os.geteuid() == 0 else []
    return os.execve(sys.executable, [*supervisord, *user], environ)
