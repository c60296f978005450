"""A program that works until it is told to stop, which takes it some SECONDS: worker.py [SECONDS].

With $ROLE "dies" it ends at once, and with "ends" at once and well.
"""

import os
import signal
import sys
import time
from pathlib import Path

from app import VERSION


def stop(number, frame):
    print("asked to stop", flush=True)
    time.sleep(float(sys.argv[1]) if sys.argv[1:] else 0)
    print("the last job is done, and this line has no end", end="", flush=True)
    sys.exit()


signal.signal(signal.SIGTERM, stop)
environ = os.environ
print(VERSION, "in", Path.cwd(), "with", environ.get("SECRET_KEY"), environ.get("FLASK_APP"))
print("a line", end="", flush=True)
time.sleep(0.2)
print(" in two pieces", flush=True)
print("an error", file=sys.stderr, flush=True)
if os.environ.get("ROLE") == "dies":
    sys.exit(3)
if os.environ.get("ROLE") == "ends":
    sys.exit()
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
while True:
    signal.pause()
