"""Compare what the application's requirements.txt asks for with what is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from stack.machine import regular, venvs

NAME = "requirements.txt"


def warning(folder: Path) -> str | None:
    """Say what is missing or of another version than asked for; None if nothing is."""
    try:
        text = regular.content(folder / NAME, regular.SOURCE).decode()
    except (OSError, ValueError):
        return None
    lines = text.replace("\r\n", "\n").replace("\\\n", " ").splitlines()
    lacking = [problem for each in wanted(lines) if (problem := lack(each))]
    if not lacking:
        return None
    return (
        f"{folder / NAME} asks for more than is installed: {', '.join(lacking)}; "
        f"build the image again, or pip install -r {NAME}"
    )


def wanted(lines: list[str]) -> Iterator[Requirement]:
    """Read the requirements whose markers hold here; what only pip understands is skipped."""
    for line in lines:
        text = re.split(r"(?:^|\s)(?:#|--)", line)[0].strip()
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def lack(requirement: Requirement) -> str | None:
    """Say what is wrong with an installed package; None if nothing is."""
    found = metadata.distributions(name=requirement.name, path=venvs.packages())
    version = next((each.version for each in found), None)
    if version is None:
        return f"{requirement.name} (missing)"
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return f"{requirement.name}{requirement.specifier} ({version} is installed)"
