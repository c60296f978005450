"""Files that are sent here."""

import hashlib

from flask import Flask, request

app = Flask(__name__)


@app.post("/")
def received():
    """Say what arrived."""
    file = request.files["file"]
    digest = hashlib.file_digest(file.stream, "sha256")
    return {"name": file.filename, "sha256": digest.hexdigest(), "about": request.form["about"]}


@app.get("/")
def form():
    """Offer a form."""
    return (
        '<form method="post" enctype="multipart/form-data"><input type="file" name="file"></form>'
    )
