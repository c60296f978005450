"""Say what a server makes of a request's first line and of where it came in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.util import request_uri

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

SHOWN = (
    *("PATH_INFO", "QUERY_STRING", "SCRIPT_NAME", "RAW_URI", "REQUEST_URI", "REQUEST_METHOD"),
    *("SERVER_NAME", "SERVER_PORT", "HTTP_HOST"),
)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer any request with what its environ holds, and the URL that follows from it."""
    seen = {name: environ[name] for name in SHOWN if name in environ}
    # As bytes stand in a WSGI string: a character each, whatever they mean.
    answer = json.dumps({**seen, "url": request_uri(environ)}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
    start_response("200 OK", headers)
    return [answer]
