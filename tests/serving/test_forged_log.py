"""What the application prints is anybody's word: it steers neither a reload nor a stop."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.support.background import background, wait_until_busy
from tests.support.launching import Launch

APPLICATION = """
import os, sys, time

def forge():
    for pid in (1, os.getpid(), os.getppid()):
        print(f"spawned uWSGI worker 1 (pid: {pid}, cores: 1)", file=sys.stderr)
    for pid in range(40000, 40009):
        print(f"DAMN ! worker 1 (pid: {pid}) died :( trying respawn ...", file=sys.stderr)
    print("x" * 60_000, file=sys.stderr)
    for pid in (1, os.getpid(), os.getppid()):
        print(f"spawned uWSGI worker 1 (pid: {pid}, cores: 1)", file=sys.stderr, flush=True)

def application(environ, start_response):
    forge()
    if environ["PATH_INFO"] == "/slow":
        time.sleep(2)
    start_response("200 OK", [])
    return [b"served"]
"""


def test_forged_lines_steer_nothing(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text(APPLICATION)
    stack = launch(app=folder, UWSGI_PROCESSES="2")
    assert stack.get().text == "served"
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    (slow,) = background(stack, "/slow")
    wait_until_busy(stack, 1)
    assert stack.says("spawned uWSGI worker")
    stack.signal(signal.SIGTERM)
    assert slow.result().text == "served"
    assert stack.wait_until_gone() == 0
    assert not stack.lines("SIGKILL")
