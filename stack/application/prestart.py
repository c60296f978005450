"""The application's own first step, app/prestart: it runs once, before anything listens."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from stack.settings.errors import ConfigError, quoted

NAME = "prestart"

STOPPING = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}


class Failed(Exception):
    """It did not end with status 0; the argument says why, for the log."""


def find(folder: Path) -> Path | None:
    """Find it in the application's folder; ConfigError if it is there but cannot be run."""
    program = folder / NAME
    # pathlib raises for a name that is too long, before Python 3.14.
    if not os.path.isfile(program):  # noqa: PTH113
        return None
    if not os.access(program, os.X_OK):
        raise ConfigError(
            f"{program}: is not executable by uid {os.geteuid()}, and so cannot run before the "
            f"start; chmod a+x {NAME}, or rename it"
        )
    return program


def run(program: Path, environ: Mapping[str, str], timeout: float, grace: float) -> bool:
    """Run it to its end; False if we were asked to stop meanwhile, Failed if it did not end well.

    The signals to stop are blocked since the entrypoint's first statement: they are waited for
    together with its end, passed on, and after `grace` seconds followed by a KILL.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    process = begin(program, environ)
    try:
        end = time.monotonic() + timeout
        while process.poll() is None:
            left = max(end - time.monotonic(), 0)
            noticed = signal.sigtimedwait(STOPPING | {signal.SIGCHLD}, left)
            if noticed is None:
                stop(process, grace)
                raise Failed(f"still ran after {timeout:g} s; PRESTART_TIMEOUT gives it more")
            if noticed.si_signo in STOPPING:
                stop(process, grace)
                return False
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    if process.returncode:
        raise Failed(ending(process.returncode))
    return True


def begin(program: Path, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start it in the application's folder, in a process group of its own, with no signal blocked.

    Its output goes to stderr: stdout is the access log.
    """
    try:
        return subprocess.Popen(
            [program],
            cwd=program.parent,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=2,
            process_group=0,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ()),
        )
    except OSError as error:
        raise Failed(
            f"cannot be run ({error.strerror}); its first line must name a program that is here, "
            "as in #!/bin/sh or #!/usr/bin/env python3, without a carriage return"
        ) from None


def stop(process: subprocess.Popen[bytes], grace: float) -> None:
    """End it, and all that it started, within `grace` seconds."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        end = time.monotonic() + grace
        while process.poll() is None and (left := end - time.monotonic()) > 0:
            signal.sigtimedwait({signal.SIGCHLD}, left)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ending(status: int) -> str:
    """Describe the end of a process whose status was not 0."""
    if status < 0:
        return f"was killed by {quoted(signal.Signals(-status).name)}"
    return f"left with status {status}"
