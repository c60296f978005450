"""One file, as Flask's quickstart has it."""

from flask import Flask, request

app = Flask(__name__)


@app.route("/")
def hello():
    """Greet."""
    return f"Hello, {request.args.get('name', 'World')}!"
