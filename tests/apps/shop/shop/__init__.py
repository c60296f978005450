"""A package with a factory, blueprints, templates and static files."""

from flask import Flask


def create_app(config="default", *, greeting="Welcome"):
    """Make the application."""
    app = Flask(__name__)
    app.config.update(NAME=config, GREETING=greeting)

    from shop import cart, catalogue

    app.register_blueprint(catalogue.pages)
    app.register_blueprint(cart.pages, url_prefix="/cart")
    return app
