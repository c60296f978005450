"""The routes that are not the interface's."""

from ..api import users  # noqa: F401
from ..main import app


@app.route("/")
def hello():
    """Answer."""
    return "from the package"
