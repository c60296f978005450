"""main.py with static files that nginx serves, as their image does without being asked."""

from flask import Flask

app = Flask(__name__)


@app.route("/")
def hello():
    """Answer."""
    return "from main"


@app.route("/static/test.txt")
def static_test():
    """Answer what nginx answers before the application is asked."""
    return "from Flask"


if __name__ == "__main__":
    app.run(host="0.0.0.0", debug=True, port=80)  # noqa: S104, S201 - as theirs do; it never runs
