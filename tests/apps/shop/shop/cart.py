"""What was chosen."""

from flask import Blueprint, current_app, url_for

pages = Blueprint("cart", __name__)


@pages.get("/")
def show():
    """Say where this is, and how the application was made."""
    return {"here": url_for("cart.show"), "config": current_app.config["NAME"]}
