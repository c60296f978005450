"""What the workers are told of the application: run/application.json."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from stack.application import finding, secrets, syntax
from stack.settings.table import Settings
from stack.worker.plan import Named, Plan

# Seconds by which uWSGI ends a request later than nginx gives it up with a 504, so that the client
# gets the 504; uWSGI looks at its clock once a second.
GRACE = 1


def files(root: Path, settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Render the file, by its name below run/; ConfigError if there is no such application."""
    folder = root / settings.app_dir
    finding.examine(folder)
    named = applications(settings, folder)
    plan = Plan(
        folder=os.path.abspath(folder),  # noqa: PTH100 - links stay
        named=named,
        candidates=() if named else tuple(finding.candidates(folder)),
        dev=settings.dev,
        preload=settings.preload,
        files=secrets.paths(settings.env_from_files or (), environ),
        patience=patience(settings, environ),
    )
    if settings.dev == "0":  # else the workers show what is wrong to whoever asks
        syntax.examine(plan)
    return {"application.json": plan.written()}


def patience(settings: Settings, environ: Mapping[str, str]) -> int:
    """Say for how many seconds the application may think; 0 is for ever."""
    if settings.uwsgi_threads > 1:
        return 0  # it would end the others' requests too, and any of them would put it off
    if "UWSGI_HARAKIRI" in environ:
        return 0  # the operator's own limit, which is for all of an answer
    return settings.request_timeout + GRACE


def applications(settings: Settings, folder: Path) -> tuple[Named, ...]:
    """Describe the applications that settings name."""
    if settings.apps:
        return tuple(
            finding.named(each.prefix, "APPS", each.target, folder) for each in settings.apps
        )
    if settings.app_module:
        return (finding.named("/", "APP_MODULE", settings.app_module, folder),)
    return ()
