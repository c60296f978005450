"""Sessions, signed with a secret that comes from the environment."""

import os

from flask import Flask, session

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]


@app.get("/")
def count():
    """Count one browser's visits."""
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


@app.get("/secret")
def secret():
    """Tell what nobody should: for the test."""
    return {"key": app.secret_key, "token": os.environ.get("TOKEN")}
