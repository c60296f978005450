"""An application of another name, in another folder, with static files at another path."""

from flask import Flask

custom_app = Flask(__name__)


@custom_app.route("/api")
def hello():
    """Answer."""
    return "from custom_app"


@custom_app.route("/")
def main():
    """Answer what nginx answers before the application is asked."""
    return "from Flask"


@custom_app.route("/content/test.txt")
def static_test():
    """Answer what nginx answers before the application is asked."""
    return "from Flask"
