"""One of two applications."""

import os

from flask import Flask, url_for

app = Flask(__name__)
IMPORTED = []
IMPORTED.append(os.getpid())


@app.get("/")
@app.get("/page")
def page():
    """Say where this is."""
    return {"app": "shop", "page": url_for("page"), "imported": len(IMPORTED)}
