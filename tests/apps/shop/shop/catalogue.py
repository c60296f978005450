"""The shop window."""

from flask import Blueprint, render_template

pages = Blueprint("catalogue", __name__)


@pages.get("/")
def index():
    """Show what there is."""
    return render_template("index.html", things=["tea", "coffee & cake"])
