"""uWSGI's options that follow from the settings, as it reads them from its environment."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from stack.machine import cgroup
from stack.settings import sizes
from stack.settings.errors import ConfigError
from stack.settings.shutdown import Budget
from stack.settings.table import Settings
from stack.uwsgi import operator

# Bytes. Hardly an application takes more in each worker.
LARGE = 1 << 30


def environ(settings: Settings, budget: Budget, given: Mapping[str, str]) -> dict[str, str]:
    """Map each variable that uWSGI reads to its value; the operator's own options go first."""
    options = {**of_settings(settings), **operator.given(given), **of_reload(budget)}
    if staged(settings, given):
        options |= {"UWSGI_CHEAPER": "1", "UWSGI_CHEAPER_ALGO": "manual", "WORKERS_STAGED": "1"}
    if limit := cgroup.memory():
        options |= {"MEMORY_LIMIT": str(limit), "WORKERS_ROOM": str(sizes.room(limit))}
    return options if settings.dev == "0" else {**options, **of_development()}


def check(root: Path, settings: Settings, given: Mapping[str, str]) -> None:
    """Raise ConfigError if the operator gives an option that is not taken."""
    options = operator.given(given)
    operator.check(root, options, settings.unchecked or ())
    fewest = options.get("UWSGI_CHEAPER", "0")
    if int(fewest) >= settings.uwsgi_processes:
        raise ConfigError(
            f"UWSGI_CHEAPER: '{fewest}': is not less than UWSGI_PROCESSES, "
            f"{settings.uwsgi_processes}; lower it, or raise that"
        )


def staged(settings: Settings, given: Mapping[str, str]) -> bool:
    """Say whether uWSGI is to begin with one worker, and have more as far as memory allows.

    That takes longer until all are there, so it is for limits that a large application may reach,
    and for a number of workers that nobody has asked for.
    """
    limit, wanted = cgroup.memory(), settings.uwsgi_processes
    if limit is None or wanted < 2 or settings.dev != "0":
        return False
    asked = not settings.sources["UWSGI_PROCESSES"].startswith("detected")
    cheaper = any(name.startswith("UWSGI_CHEAPER") for name in given)
    return not asked and not cheaper and limit < wanted * LARGE


def of_settings(settings: Settings) -> dict[str, str]:
    """Map the options that settings have become."""
    return {
        "UWSGI_PROCESSES": str(settings.uwsgi_processes),
        "UWSGI_THREADS": str(settings.uwsgi_threads),
        "UWSGI_LISTEN": str(settings.uwsgi_listen),
        **({} if preloads(settings) else {"UWSGI_LAZY_APPS": "true"}),
    }


def preloads(settings: Settings) -> bool:
    """Say whether uWSGI's master is to import the application; while DEV is on its worker does."""
    return settings.preload != "0" and settings.dev == "0"


def of_reload(budget: Budget) -> dict[str, str]:
    """Map how long, in seconds, a worker that is to be replaced may go on with its request."""
    mercy = str(budget.drain)
    return {"UWSGI_RELOAD_MERCY": mercy, "UWSGI_WORKER_RELOAD_MERCY": mercy}


def of_development() -> dict[str, str]:
    """Map what is different while DEV is on: one worker, and a program that watches the files."""
    return {
        "UWSGI_PROCESSES": "1",
        "UWSGI_ATTACH_DAEMON": (
            f"exec {shlex.quote(sys.executable)} -E -s -B -m stack.uwsgi.watch"
        ),
        # Seconds; by default uWSGI delays a worker that is replaced twice within a few.
        "UWSGI_FORKBOMB_DELAY": "0",
    }
