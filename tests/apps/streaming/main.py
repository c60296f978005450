"""Answers that come in pieces."""

import time
from pathlib import Path

from flask import Flask, Response

app = Flask(__name__)
GATE = Path(__file__).with_name("gate")


@app.get("/")
def lines():
    """Make a long answer line by line."""
    return Response((f"line {number}\n" for number in range(100_000)), mimetype="text/plain")


@app.get("/events")
def events():
    """Tell what happens as it happens: the proxy is asked not to wait for the end."""

    def tell():
        yield "data: first\n\n"
        while not GATE.exists():
            time.sleep(0.02)
        yield "data: second\n\n"

    headers = {"X-Accel-Buffering": "no"}
    return Response(tell(), mimetype="text/event-stream", headers=headers)
