"""An application that takes and gives bodies, for the tests of what can be asked of it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator

from flask import Flask, Response, request

application = Flask(__name__)

BLOCK = bytes(range(256)) * 256


@application.get("/")
def home() -> str:
    """Be there."""
    return "here"


@application.post("/digest")
def digest() -> dict[str, object]:
    """Read a body piece by piece; say how long it was, and its digest."""
    length, total = 0, hashlib.sha256()
    while piece := request.stream.read(65536):
        length += len(piece)
        total.update(piece)
    return {"length": length, "digest": total.hexdigest()}


@application.post("/digest/elsewhere")
def digest_elsewhere() -> dict[str, object]:
    """Do the same after a change of the working directory, as some applications have it."""
    home = os.open(".", os.O_RDONLY)
    os.chdir("/")
    try:
        return digest()
    finally:
        os.chdir(home)
        os.close(home)


@application.post("/twice")
def twice() -> dict[str, object]:
    """Read a body, go back to its start and read it again."""
    body = request.environ["wsgi.input"]
    first = body.read()
    body.seek(0)
    return {"same": body.read() == first, "length": len(first)}


@application.post("/form")
def form() -> dict[str, int]:
    """Take a file out of a form; say how long it was."""
    return {"length": len(request.files["file"].read())}


@application.get("/blocks/<int:count>")
def blocks(count: int) -> Response:
    """Give this many blocks of 64 KiB, one by one, having said how many bytes they are."""

    def each() -> Iterator[bytes]:
        for _ in range(count):
            yield BLOCK

    return Response(each(), headers={"Content-Length": str(count * len(BLOCK))})


@application.get("/endless")
def endless() -> Response:
    """Give blocks until nobody takes them."""
    return Response(iter(lambda: BLOCK, b""), headers={"X-Accel-Buffering": "no"})


@application.route("/wait/<float:seconds>", methods=["GET", "POST"])
def wait(seconds: float) -> str:
    """Take a while."""
    time.sleep(seconds)
    return "waited"


@application.get("/status/<int:status>")
def status(status: int) -> tuple[str, int]:
    """Answer with any status, and a body whether it may have one or not."""
    return "as asked", status


@application.route("/echo/<path:path>", methods=["GET", "POST"])
def echo(path: str) -> dict[str, object]:
    """Say what arrived."""
    headers = {name.lower(): value for name, value in request.headers}
    return {
        "path": path,
        "method": request.method,
        "host": request.host,
        "query": request.query_string.decode("latin-1"),
        "headers": headers,
        "body": request.get_data(as_text=True),
    }
