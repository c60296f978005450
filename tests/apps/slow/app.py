"""An application that takes long to import."""

import os
import time

from flask import Flask

app = Flask(__name__)
time.sleep(float(os.environ["IMPORT_TAKES"]))


@app.get("/")
def hello():
    """Say that it has been done."""
    return "at last"
