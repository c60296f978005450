"""Work beside the requests: threads, pools, programs."""

import multiprocessing
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from flask import Flask

app = Flask(__name__)
beats = []


def beat():
    """Go on for ever."""
    while True:
        beats.append(time.monotonic())
        time.sleep(0.05)


threading.Thread(target=beat, daemon=True).start()
pool = ThreadPoolExecutor(2)


def square(number):
    """Work a little."""
    return number * number


@app.get("/")
def ready():
    """Say that this is here."""
    return "ready"


@app.get("/beats")
def count():
    """Count what the thread that was started at the import has done."""
    return str(len(beats))


@app.get("/pool")
def pooled():
    """Have a thread of a pool do it."""
    return str(pool.submit(square, 7).result())


@app.get("/processes/<method>")
def processes(method):
    """Have other processes do it."""
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        return str(sum(executor.map(square, range(10))))


@app.get("/program")
def program():
    """Run a program, and leave another one behind that nobody waits for."""
    subprocess.run(["sh", "-c", "sleep 0.3 & sleep 0.1 & exit 0"], check=True)
    return subprocess.check_output([sys.executable, "-c", "print('done')"], text=True)
