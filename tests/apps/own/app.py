"""An application with a program, worker.py; if $GATED it answers when the file `gate` is there."""

import os
from pathlib import Path

VERSION = "old"


def app(environ, start_response):
    """Say which version this is."""
    if os.environ.get("GATED") and not Path("gate").exists():
        start_response("503 Service Unavailable", [])
        return [b"not yet"]
    start_response("200 OK", [])
    return [VERSION.encode()]
