"""An application with a mistake in it."""

from flask import Flask

app = Flask(__name__

