"""What supervisord tells of the settings in metrics and in the status view."""

from __future__ import annotations

import json

from stack.settings.table import Settings


def files(settings: Settings, nginx: tuple[int, ...]) -> dict[str, str]:
    """Render facts.json, which stack/supervision reads; nginx is its version."""
    facts = {
        "max_queued_requests": settings.max_queued_requests,
        # From which status on a health check's answer is an error (stack/health.py).
        "unhealthy": 500 if settings.sources["HEALTH_PATH"] == "default" else 400,
        "nginx": ".".join(map(str, nginx)),
    }
    return {"facts.json": json.dumps(facts, indent=2) + "\n"}
