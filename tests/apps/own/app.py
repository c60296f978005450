"""An application with a program, worker.py; if $GATED it answers when the file `gate` is there."""

import os
from pathlib import Path

from flask import Flask

app = Flask(__name__)
VERSION = "old"


@app.get("/")
def version():
    if os.environ.get("GATED") and not Path("gate").exists():
        return "not yet", 503
    return VERSION
