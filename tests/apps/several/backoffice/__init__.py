"""The other one, by a factory."""

from flask import Flask, request, url_for

MADE = []


def create_app(name="backoffice"):
    """Make the application."""
    app = Flask(__name__)
    MADE.append(name)

    @app.get("/")
    @app.get("/page")
    def page():
        return {
            "app": name,
            "page": url_for("page"),
            "root": request.script_root,
            "made": len(MADE),
        }

    return app
