"""This machine, made ready to serve and to test."""

from __future__ import annotations

import os

from dev import packages, venv


def prepare(tools: bool = False) -> None:
    """Install what is missing and bring .venv up to date."""
    packages.ensure([*packages.to_serve(), *venv.needs()])
    venv.ensure()
    if tools:
        venv.ensure_group("dev")
    os.environ["PATH"] = packages.search_path()
