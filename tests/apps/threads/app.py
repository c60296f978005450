"""Work beside the requests: threads, pools, programs."""

import ctypes
import json
import multiprocessing
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from flask import Flask, request

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


def stack():
    """Ask the C library for the size of the stack that the calling thread has, in bytes."""
    libc, attributes, size = ctypes.CDLL(None), ctypes.create_string_buffer(256), ctypes.c_size_t()
    libc.pthread_getattr_np(ctypes.c_ulong(threading.get_ident()), attributes)
    libc.pthread_attr_getstacksize(attributes, ctypes.byref(size))
    libc.pthread_attr_destroy(attributes)
    return size.value


# All threads of the process take part, so each of them tells of its own stack.
together = threading.Barrier(8, timeout=10)


@app.get("/stack")
def stack_of_request():
    """Tell of the stack of the thread that serves this request, once eight are being served."""
    together.wait()
    main = threading.current_thread() is threading.main_thread()
    return {"thread": threading.get_native_id(), "main": main, "size": stack()}


@app.get("/stack/own")
def stack_of_own_thread():
    """Tell of the stack of a thread that the application has started."""
    return {"size": pool.submit(stack).result()}


def depth(text):
    """Read JSON, for which Python calls itself at each level of it, and count the levels."""
    try:
        value, levels = json.loads(text), 0
    except RecursionError:
        return "too deep"
    while value != []:
        (value,), levels = value, levels + 1
    return str(levels + 1)


@app.post("/nested")
def nested():
    """Do so in the thread that serves the request."""
    return depth(request.get_data())


@app.post("/nested/own")
def nested_in_own_thread():
    """Do so in a thread that the application has started."""
    return pool.submit(depth, request.get_data()).result()
