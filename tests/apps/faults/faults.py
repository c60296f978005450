"""An application that can be slow, fail and change, for the tests of the life cycle."""

from __future__ import annotations

import os
import time
from pathlib import Path

from flask import Flask, request

VERSION = "old"
GATE = Path(os.environ.get("GATE", Path(__file__).with_name("gate")))

application = Flask(__name__)


@application.get("/")
def version() -> str:
    """Say which code answers."""
    return VERSION


@application.route("/wait/<float:seconds>", methods=["GET", "POST"])
def wait(seconds: float) -> str:
    """Take a while."""
    time.sleep(seconds)
    return "waited"


@application.route("/held", methods=["GET", "POST"])
def held() -> str:
    """Take until the file GATE is there, as long as the test likes."""
    while not GATE.exists():
        time.sleep(0.02)
    return "let go"


@application.get("/status/<int:status>")
def status(status: int) -> tuple[str, int]:
    """Answer with any status."""
    return "as asked", status


@application.post("/received")
def received() -> dict[str, object]:
    """Say what arrived: the headers' names, how long the body was, and what is made of it."""
    return {
        "headers": [name.lower() for name, _ in request.headers],
        "length": len(request.get_data()),
        "host": request.host,
        "scheme": request.scheme,
        "request_id": request.headers.get("X-Request-Id"),
    }


@application.get("/client")
def client() -> str:
    """Say who asks."""
    return str(request.remote_addr)


@application.get("/worker")
def worker() -> str:
    """Say which process answers."""
    return str(os.getpid())


@application.get("/eat/<int:megabytes>")
def eat(megabytes: int) -> str:
    """Need a lot of memory."""
    return str(len(bytearray(megabytes * 2**20)))
