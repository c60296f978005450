"""An application laid out for tiangolo/uwsgi-nginx-flask: main.py with app, in /app."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

app = Flask(__name__)


@app.route("/")
def hello() -> str:
    """Say what the step before the start has left."""
    return Path("/tmp/prestarted").read_text()  # noqa: S108 - as such applications do
