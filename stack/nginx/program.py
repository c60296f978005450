"""The program nginx: its version, its test of a configuration, its reload."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from stack.machine import processes
from stack.settings.errors import ConfigError
from stack.settings.table import Settings

COMMAND = ("nginx", "-e", "stderr", "-c", "conf/nginx.conf", "-p")


def own_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Pick what nginx sees of the environment: the application's may hold secrets."""
    return {name: environ[name] for name in ("PATH", "TZ") if name in environ}


def version(environ: Mapping[str, str]) -> tuple[int, ...]:
    """Ask nginx for its version; ConfigError if there is no nginx."""
    try:
        answer = subprocess.run(
            ["nginx", "-v"], env=own_environ(environ), capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        raise ConfigError("nginx: is not installed; install the package nginx") from None
    found = re.search(r"nginx/([0-9.]+)", answer.stderr)
    if not found:
        raise ConfigError(f"nginx: has no version that can be read in {answer.stderr!r}")
    return tuple(int(part) for part in found[1].split("."))


def claim(settings: Settings) -> None:
    """Make sure that our ports are free: nginx's own test does not mind one that is taken."""
    ports = {"LISTEN_PORT": settings.listen_port}
    if settings.tls_certificate_file:
        ports["TLS_PORT"] = settings.tls_port
    if settings.metrics_port:
        ports["METRICS_PORT"] = settings.metrics_port
    for name, port in ports.items():
        with socket.socket() as test:
            test.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                test.bind(("", port))
            except OSError as error:
                raise ConfigError(
                    f"{name}: '{port}': cannot be used ({error.strerror}); choose another port, "
                    "from 1024 on for an ordinary user, or stop the program that has it"
                ) from None


def refusal(root: Path, environ: Mapping[str, str]) -> str | None:
    """Have nginx test the configuration below a root; return what it says if it refuses it."""
    test = subprocess.run(
        [*COMMAND, f"{root}/", "-t"],
        env=own_environ(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    return test.stderr.strip().replace(f"{root}/", "") if test.returncode else None


def renew(root: Path) -> Callable[[], bool]:
    """Have nginx read its files anew, and return how to ask whether its old workers are gone.

    A connection that an old worker has accepted is served by the old rules to its end. A worker
    that shuts down has another title.
    """
    master = int((root / "run/nginx.pid").read_text())
    old = processes.children(master, "nginx: worker process\0")
    os.kill(master, signal.SIGHUP)
    return lambda: not old & processes.children(master, "nginx: worker process")
