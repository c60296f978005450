"""An application that takes itself for a script."""

import sys

from flask import Flask

app = Flask(__name__)

sys.exit(3)
