"""An application that takes 20 s to import."""

import time

from flask import Flask

app = Flask(__name__)
time.sleep(20)


@app.get("/")
def hello():
    """Say that it has been done."""
    return "at last"
