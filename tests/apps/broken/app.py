"""An application that fails while it is imported, in a module of its own."""

import settings
from flask import Flask

app = Flask(__name__)
app.config["PORT"] = settings.PORT
