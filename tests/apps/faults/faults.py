"""An application that can be slow, fail and change, for the tests of the life cycle.

It does without Flask: of a start in these tests, that would take as long as all else of uWSGI.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

VERSION = "old"
GATE = Path(os.environ.get("GATE", Path(__file__).with_name("gate")))


def held() -> str:
    """Take until the file GATE is there, as long as the test likes."""
    while not GATE.exists():
        time.sleep(0.02)
    return "let go"


def waited(seconds: float) -> str:
    """Take a while."""
    time.sleep(seconds)
    return "waited"


def received(environ: WSGIEnvironment) -> str:
    """Say what arrived: the headers' names, how long the body was, and what is made of it."""
    from werkzeug import Request

    request = Request(environ)
    return json.dumps(
        {
            "headers": [name.lower() for name, _ in request.headers],
            "length": len(request.get_data()),
            "host": request.host,
            "scheme": request.scheme,
            "request_id": request.headers.get("X-Request-Id"),
        }
    )


def page(environ: WSGIEnvironment, *path: str) -> str:
    """Make the text of a page; KeyError if there is none."""
    match path:
        case [""]:
            return VERSION
        case ["held"]:
            return held()
        case ["wait", seconds]:
            return waited(float(seconds))
        case ["received"]:
            return received(environ)
        case ["client"]:
            return str(environ["REMOTE_ADDR"])
        case ["worker"]:
            return str(os.getpid())
        case ["eat", megabytes]:
            return str(len(bytearray(int(megabytes) * 2**20)))
    raise KeyError(path)


def answered(environ: WSGIEnvironment) -> tuple[HTTPStatus, str]:
    """Find what is asked for: a status, or a page."""
    path = environ["PATH_INFO"].split("/")[1:]
    if path[0] == "status":
        return HTTPStatus(int(path[1])), "as asked"
    try:
        return HTTPStatus.OK, page(environ, *path)
    except KeyError:
        return HTTPStatus.NOT_FOUND, "there is no such page"


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with text."""
    status, text = answered(environ)
    body = b"" if status in {204, 304} else text.encode()
    kind, length = ("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))
    start_response(f"{status.value} {status.phrase}", [kind, length] if body else [])
    return [body]
