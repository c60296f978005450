"""Compose: the engine's plug-in where it has one, else the program docker-compose."""

from __future__ import annotations

import subprocess

from dev import packages
from dev.packages import Need


def command() -> list[str] | None:
    """Begin a command for compose; None if there is none here."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    program = packages.find("docker-compose")
    return [program] if program else None


def need() -> Need:
    """Name the packages that have it."""
    packed = ("docker-compose",), ("docker-cli-compose",)
    return Need("docker compose", command() is not None, *packed)
