"""Say who asked for what, as the application is told; some answers may be kept."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer any request; below /kept/ with the leave to keep the answer."""
    seen = {
        "client": environ["REMOTE_ADDR"],
        "method": environ["REQUEST_METHOD"],
        "target": environ["REQUEST_URI"],
        "host": environ.get("HTTP_HOST", ""),
        "cookie": environ.get("HTTP_COOKIE", ""),
        "body": environ["wsgi.input"].read().decode(),
    }
    answer = json.dumps({"attacked": seen}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
    if environ["PATH_INFO"].startswith("/kept/"):
        headers.append(("Cache-Control", "public, max-age=60"))
    start_response("200 OK", headers)
    return [answer]
