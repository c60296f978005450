"""Flask-Admin's first example: a view of one's own."""

from flask import Flask
from flask_admin import Admin, BaseView, expose


class Hello(BaseView):
    """One page."""

    @expose("/")
    def index(self):
        """Greet."""
        return "Hello, Flask-Admin!"


app = Flask(__name__)
app.secret_key = "only an example"  # noqa: S105
Admin(app).add_view(Hello(name="Hello"))
