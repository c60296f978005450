"""A package with a factory; it tells what a worker sees, and what a program does."""

import json
import os
import sys
import tempfile
from pathlib import Path

import werkzeug
from flask import Flask


def seen():
    """Collect what all processes of an application have in common."""
    return {
        "folder": str(Path.cwd()),
        # Flask follows links. Before it may be only the folder that a console script lies in.
        "first on the module path": str(
            next(Path(each).resolve() for each in sys.path if not each.endswith("/bin"))
        ),
        "environment": sys.prefix,
        "packages": werkzeug.__file__,
        "a secret": os.environ.get("SECRET_KEY"),
        "a variable": os.environ.get("COLOUR"),
        "temporary files": tempfile.gettempdir(),
    }


def create_app():
    """Make the application, with a command of its own."""
    app = Flask(__name__)
    app.add_url_rule("/", view_func=seen)
    app.cli.command("tell")(lambda: print(json.dumps(seen())))
    return app
