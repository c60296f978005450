"""A package whose modules add to the application that they import, in a circle."""

from flask import Flask

app = Flask(__name__)

from .core import setup  # noqa: E402, F401

if __name__ == "__main__":
    app.run(host="0.0.0.0", debug=True, port=80)  # noqa: S104, S201 - as theirs do; it never runs
