"""An application that tells what it is told of TLS, of its clients, and of proxies in between."""

from __future__ import annotations

import os
from collections.abc import Iterator

from flask import Flask, Response, jsonify, request, session, url_for

application = Flask(__name__, static_folder=None)
application.config.update(SECRET_KEY=os.urandom(16), SESSION_COOKIE_SECURE=True)


@application.route("/seen", methods=["GET", "POST"])
def seen() -> Response:
    """Answer with what arrived, and with a secure cookie; hsts and keep are headers to be set."""
    session["seen"] = True
    answer = jsonify(
        scheme=request.scheme,
        url=url_for("seen", _external=True),
        client=request.remote_addr,
        id=request.headers["X-Request-Id"],
        length=len(request.get_data()),
        protocol=request.environ["SERVER_PROTOCOL"],
        tls={name: text for name, text in request.environ.items() if name.startswith("SSL_")},
        headers={name.lower(): text for name, text in request.headers.items()},
    )
    if "hsts" in request.args:
        answer.headers["Strict-Transport-Security"] = request.args["hsts"]
    return answer


@application.get("/who")
def who() -> Response:
    """Greet a client by its certificate, in an answer that may be kept."""
    answer = Response(request.environ.get("SSL_CLIENT_S_DN", "nobody"))
    answer.headers["Cache-Control"] = "max-age=60"
    return answer


@application.get("/stream")
def stream() -> Response:
    """Answer with a megabyte, of a length that is not told."""

    def pieces() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 16384

    return Response(pieces())
