"""Processes that the application starts with multiprocessing end with their worker."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

APP = ROOT / "tests/apps/children"


def children(stack: Stack) -> list[str]:
    """List the command lines of the stack's processes that are multiprocessing's."""
    found = []
    for pid in stack.pids():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        except OSError:
            continue
        if "child of uWSGI worker" in words or "multiprocessing" in words:
            found.append(words)
    return found


def start(stack: Stack) -> None:
    """Start one of each kind that works wherever the folder for temporary files is."""
    methods = ["fork", "spawn"]
    if stack.launcher == "image":  # pytest's folders have too long names for its socket
        methods.append("forkserver")
    for method in methods:
        for kind in ("daemon", "plain"):
            assert stack.request("POST", f"/{method}/{kind}").status_code == 200
    # A forked one has its name a moment after its start.
    name = "child of uWSGI worker 1"
    stack.wait_until(lambda: sum(each.startswith(name) for each in children(stack)) == 2)


@pytest.mark.parametrize("threads", ["1", "4"])
def test_they_do_not_outlive_a_reload(launch: Launch, threads: str) -> None:
    stack = launch(app=APP, UWSGI_PROCESSES="1", UWSGI_THREADS=threads)
    start(stack)
    assert len(stack.processes("uwsgi worker")) == 1
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    stack.wait_until(lambda: not children(stack))
    if threads == "1":
        # A forked process has a copy of the pipe by which uWSGI tells threads that wait to end: it
        # may have to kill such a worker.
        assert not stack.lines("taking too much time to die")


def test_they_do_not_outlive_a_worker_that_is_killed(launch: Launch) -> None:
    stack = launch(app=APP, UWSGI_PROCESSES="1")
    start(stack)
    (worker,) = stack.processes("uwsgi worker")
    os.kill(worker, signal.SIGKILL)
    stack.wait_until(lambda: not children(stack) and stack.get().text == "ready")
