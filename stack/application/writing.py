"""What the application writes beside its modules: Flask's folder instance/."""

from __future__ import annotations

import os
from pathlib import Path

NAME = "instance"


def unwritable(folder: Path) -> str | None:
    """Say that the folder is there and cannot be written; None if it can, or is not there."""
    instance = folder / NAME
    if not instance.is_dir() or os.access(instance, os.W_OK | os.X_OK):
        return None
    return (
        f"{instance}: cannot be written by uid {os.geteuid()}, so no database or upload can be "
        "kept there; if the application does that, mount a volume that this user owns"
    )
