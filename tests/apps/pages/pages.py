"""An application whose answers say how often it was asked, for the tests of cache and gzip."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path

from flask import Flask, Response, request

application = Flask(__name__, static_folder=None)

WAIT = Path(__file__).with_name("wait")

asked = itertools.count(1)
PARTIES = 4
meeting = threading.Barrier(PARTIES, timeout=20)


@application.get("/page/<name>")
def page(name: str) -> Response:
    """Answer with a number, and with the status and headers that are asked for.

    Not before the file WAIT is gone.
    """
    number = next(asked)
    while WAIT.exists():
        time.sleep(0.02)
    said = f" to {body}" if (body := request.get_data(as_text=True)) else ""
    answer = Response(f"{name} {number}{said}", request.args.get("status", 200, int))
    for header in ("Cache-Control", "Set-Cookie", "Vary", "X-Frame-Options", "Expires"):
        if value := request.args.get(header):
            answer.headers[header] = value
    return answer


@application.get("/text/<int:length>")
def text(length: int) -> Response:
    """Answer with much of the same, as a page or as what else is asked for."""
    kind = request.args.get("type", "text/html")
    return Response("x" * length, content_type=kind)


@application.get("/meet")
def meet() -> str:
    """Answer once four requests are here at the same time; fail if they come one by one."""
    return str(meeting.wait())
