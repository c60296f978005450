"""An application with an nginx.conf of its own, that leaves static files to Flask."""

from flask import Flask

app = Flask(__name__, static_folder=None)


@app.route("/")
def hello():
    """Answer."""
    return "from main"


@app.route("/static/test.txt")
def static_test():
    """Answer for a file, as their nginx.conf has no location for it."""
    return "from Flask"
