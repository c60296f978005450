"""What supervisord tells of the settings and versions in metrics and in the status view."""

from __future__ import annotations

import json
import platform
from importlib import metadata

from stack.settings.table import Settings


def files(settings: Settings, nginx: tuple[int, ...]) -> dict[str, str]:
    """Render facts.json, which stack/supervision reads; nginx is its version."""
    facts = {
        "max_queued_requests": settings.max_queued_requests,
        # From which status on a health check's answer is an error (stack/health.py).
        "unhealthy": 500 if settings.sources["HEALTH_PATH"] == "default" else 400,
        "versions": {
            "nginx": ".".join(map(str, nginx)),
            "python": platform.python_version(),
            "uwsgi": metadata.version("uWSGI"),
            "supervisor": metadata.version("supervisor"),
            "flask": metadata.version("Flask"),
        },
    }
    return {"facts.json": json.dumps(facts, indent=2) + "\n"}
