"""What a worker is told: written before supervisord starts, read in each worker.

In between it is the file run/application.json.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Named:
    """An application that a setting names."""

    prefix: str
    """The path that it is served below."""
    module: str
    attribute: str
    arguments: dict[str, Any] | None
    """What to call the attribute with, as args and kwargs; None to take it as it is."""
    setting: str
    """The setting and its value, as a message about this application begins."""


@dataclass(frozen=True)
class Plan:
    """All that a worker needs to know."""

    folder: str
    """The application's folder, absolute."""
    named: tuple[Named, ...]
    candidates: tuple[str, ...]
    """Modules that may hold the application, best first; looked at when none is named."""
    dev: str
    """The setting DEV."""
    files: dict[str, str]
    """The application's variables whose values are in files, each with the file's path."""
    preload: str
    """The setting PRELOAD."""
    patience: int
    """Seconds that the application may think about an answer, or a piece of one; 0 is for ever."""

    def written(self) -> str:
        """Write it as JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, text: str) -> Plan:
        """Read what `written` gave."""
        told = json.loads(text)
        named = tuple(Named(**each) for each in told.pop("named"))
        return cls(named=named, candidates=tuple(told.pop("candidates")), **told)
