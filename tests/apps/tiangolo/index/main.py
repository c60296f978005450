"""A page at / (STATIC_INDEX=1) and an application for all else, with an upload."""

from flask import Flask, request

app = Flask(__name__)


@app.route("/hello")
def hello():
    """Answer."""
    return "from main"


@app.route("/")
def main():
    """Answer what nginx answers before the application is asked."""
    return "from Flask"


@app.route("/upload", methods=["POST"])
def upload():
    """Say how large a file is."""
    return str(len(request.files["file"].read()))


@app.route("/<path:path>")
def route_frontend(path):
    """Take every other path."""
    return f"the path {path}"
