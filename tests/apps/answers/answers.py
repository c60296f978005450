"""Answers of every kind: whole ones, some that break off, long ones, events, large headers."""

from __future__ import annotations

import gzip
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from flask import Flask, Response, request, send_file, send_from_directory

application = Flask(__name__)

BLOCK = bytes(range(256)) * 256

# Where a test has put its files, if it has.
FILES = Path(os.environ.get("FILES", Path(__file__).parent / "files"))


def kill() -> None:
    """Die as for want of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    """Exit without a word."""
    os._exit(3)


def fail() -> NoReturn:
    """Make a mistake."""
    raise ValueError("as asked")


def hang() -> None:
    """Do nothing for longer than anybody waits."""
    time.sleep(600)


ENDS = {
    "exit": sys.exit,
    "fail": fail,
    "kill": kill,
    "leave": leave,
    "hang": hang,
    "end": lambda: None,
}


@application.get("/")
def home() -> str:
    """Be there."""
    return "here"


@application.get("/worker")
def worker() -> str:
    """Say which process answers."""
    return str(os.getpid())


@application.route("/pieces/<int:count>/<int:size>/<how>")
def pieces(count: int, size: int, how: str) -> Response:
    """Give pieces, then end in some way; the query adds headers, and `length` tells the whole."""

    def each() -> Iterator[bytes]:
        for _ in range(count):
            yield b"x" * size
        ENDS[how]()

    answer = Response(each(), mimetype="text/csv")
    for name, value in request.args.items():
        answer.headers[name] = value
    return answer


@application.get("/slow/<int:count>/<float:seconds>")
def slow(count: int, seconds: float) -> Response:
    """Give a small piece every so many seconds."""

    def each() -> Iterator[bytes]:
        for number in range(count):
            yield b"piece %d\n" % number
            time.sleep(seconds)

    return Response(each(), mimetype="text/plain")


@application.get("/blocks/<int:count>")
def blocks(count: int) -> Response:
    """Give this many blocks of 64 KiB, not saying how many there will be."""
    return Response((BLOCK for _ in range(count)), mimetype="application/octet-stream")


@application.get("/events")
def events() -> Response:
    """Tell something every so often, for ever."""
    pause = float(request.args.get("pause", "0.2"))

    def each() -> Iterator[str]:
        number = 0
        while True:
            yield f"data: {number}\n\n"
            number += 1
            time.sleep(pause)

    return Response(each(), mimetype="text/event-stream")


@application.get("/file/<name>")
def file(name: str) -> Response:
    """Give a file, with all that Flask does for one."""
    return send_from_directory(FILES, name)


@application.get("/attachment/<name>")
def attachment(name: str) -> Response:
    """Give an open file to be kept under another name."""
    return send_file(
        (FILES / name).open("rb"),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name="other",
    )


@application.get("/compressed/<name>")
def compressed(name: str) -> Response:
    """Give what is in a compressed file."""
    return send_file(gzip.open(FILES / name), mimetype="application/octet-stream", etag=False)


@application.get("/headers/<int:size>")
def headers(size: int) -> Response:
    """Have a header of this size."""
    lines = {f"X-Large-{number}": "x" * 1000 for number in range(size // 1000)}
    return Response("whole", headers={**lines, "X-Rest": "x" * (size % 1000)})


@application.post("/headers/<int:size>")
def counted(size: int) -> Response:
    """Count, and have a header of this size."""
    with Path(tempfile.gettempdir(), "count").open("a") as counts:
        counts.write("x")
    return headers(size)


@application.route("/die", methods=["GET", "POST"])
def die() -> NoReturn:
    """Die before there is an answer."""
    kill()
    raise AssertionError
