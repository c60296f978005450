"""What the workers are told of the application: run/application.json."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from stack.application import finding, secrets
from stack.settings.table import Settings
from stack.worker.plan import Named, Plan


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
        files=secrets.paths(settings.env_from_files or (), environ),
    )
    return {"application.json": plan.written()}


def applications(settings: Settings, folder: Path) -> tuple[Named, ...]:
    """Describe the applications that settings name."""
    if settings.apps:
        return tuple(
            finding.named(each.prefix, "APPS", each.target, folder) for each in settings.apps
        )
    if settings.app_module:
        return (finding.named("/", "APP_MODULE", settings.app_module, folder),)
    return ()
