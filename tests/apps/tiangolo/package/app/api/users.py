"""Users."""

from flask import jsonify

from app.core.database import USERS

from ..main import app


@app.route("/users/")
def route_users():
    """List them."""
    print("users were asked for")
    return jsonify([user.name for user in USERS])
