"""Processes that an application starts and forgets."""

import multiprocessing
import signal

from flask import Flask

app = Flask(__name__)


@app.get("/")
def ready():
    """Say that this is here."""
    return "ready"


def rest():
    """Do nothing for ever."""
    signal.pause()


@app.post("/<method>/<kind>")
def start(method, kind):
    """Start a process."""
    process = multiprocessing.get_context(method).Process(target=rest, daemon=kind == "daemon")
    process.start()
    return str(process.pid)
