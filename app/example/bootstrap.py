"""The smallest useful application: a greeting, and what a request looks like from here."""

from __future__ import annotations

from flask import Flask, request

application = Flask(__name__)


@application.get("/")
def hello() -> str:
    """Greet."""
    return "Hello, World!"


@application.get("/request")
def seen() -> dict[str, str | None]:
    """Show what the application sees of a request: the first thing to look at behind a proxy."""
    return {
        "client": request.remote_addr,
        "scheme": request.scheme,
        "host": request.host,
        "request_id": request.headers.get("X-Request-Id"),
    }
