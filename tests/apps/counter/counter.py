"""An application that notes every request that reaches it, for tests of those that must not."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

# One file for all workers: each line is appended in one write.
NOTES = Path(tempfile.gettempdir()) / "reached"


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Note the request, whatever it is; /count shows all notes, its own among them."""
    note([environ.get(name, "") for name in ("REMOTE_ADDR", "REQUEST_METHOD", "PATH_INFO")])
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Reached", "the application")])
    return [NOTES.read_bytes() if environ["PATH_INFO"] == "/count" else b"the application\n"]


def note(request: list[str]) -> None:
    """Append a line."""
    notes = os.open(NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(notes, f"{json.dumps(request)}\n".encode())
    os.close(notes)
