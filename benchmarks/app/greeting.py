"""What every contender serves: a greeting, one that may be cached, and answers of any size."""

from __future__ import annotations

import time

from flask import Flask, Response

application = Flask(__name__)


@application.get("/")
def hello() -> str:
    """Greet."""
    return "Hello, World!"


@application.get("/busy/<int:milliseconds>")
def busy(milliseconds: int) -> str:
    """Greet after a while."""
    time.sleep(milliseconds / 1000)
    return "Hello, World!"


@application.get("/cached")
def cached() -> Response:
    """Greet, and let caches keep it."""
    return Response("Hello, World!", headers={"Cache-Control": "public, max-age=60"})


@application.get("/bytes/<int:size>")
def sized(size: int) -> Response:
    """Answer with this many bytes, of a type that nobody compresses."""
    return Response(b"x" * size, mimetype="application/octet-stream")
