"""A reload by a second uWSGI: it takes over when it has answered, and whatever dies, one serves."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support import processes
from tests.support.background import background, wait_until_busy
from tests.support.launching import Launch
from tests.support.stacks import Stack

MODULE = "faults:application"


@pytest.fixture
def stack(launch: Launch, faulty: Path) -> Stack:
    """Two workers that share the application, which can be changed."""
    settings = {"APP_MODULE": MODULE, "UWSGI_PROCESSES": "2", "SHUTDOWN_TIMEOUT": "60"}
    settings["REQUEST_TIMEOUT"] = "600"
    return launch(app=faulty, alarms=True, **settings)


def change(folder: Path, old: str, new: str) -> None:
    """Write new code."""
    text = (folder / "faults.py").read_text()
    assert old in text
    (folder / "faults.py").write_text(text.replace(old, new))


def hang_while_importing(folder: Path) -> None:
    """Have the new code take longer than any test."""
    change(folder, '"old"', '"new"')
    change(folder, "application = Flask", "time.sleep(600)\napplication = Flask")


@contextmanager
def reloading(stack: Stack) -> Iterator[Future[int]]:
    """Have a reload go on meanwhile, and give its status to be."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit(lambda: stack.run("./entrypoint.py", "reload").returncode)


def master(stack: Stack, name: str) -> int:
    """Wait until supervisord has a process of the group uwsgi by this name, and give its id."""

    def found() -> int:
        answer = stack.run("supervisorctl", "pid", f"uwsgi:{name}").stdout.strip()
        return int(answer) if answer.isdecimal() else 0

    pid: int = stack.wait_until(found)
    return pid


def kill(stack: Stack, pid: int) -> None:
    """Kill one of the stack's processes, whose number is the stack's own."""
    assert stack.run("sh", "-c", f"kill -9 {pid}").returncode == 0


def alone(stack: Stack) -> bool:
    """Say whether there is one uWSGI, and no other with it."""
    return "uwsgi:" not in stack.run("supervisorctl", "status").stdout


def test_a_reload_that_is_tried_leaves_the_old_one_serving_until_it_has_answered(
    stack: Stack, faulty: Path
) -> None:
    change(faulty, "return VERSION", "raise ValueError(VERSION)")
    before = stack.crew("uwsgi", 2)
    answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == os.EX_CONFIG
    assert "the new application answers / with 500" in answer.stderr
    assert stack.get().text == "old"
    assert stack.crew("uwsgi", 2) == before
    assert alone(stack)


def test_one_that_is_killed_while_it_is_tried_is_a_reload_that_failed(
    stack: Stack, faulty: Path
) -> None:
    before = stack.crew("uwsgi", 2)
    code = (faulty / "faults.py").read_text()
    hang_while_importing(faulty)
    with reloading(stack) as status:
        kill(stack, master(stack, "uwsgi-next"))
        assert status.result() == os.EX_CONFIG
    assert stack.get().text == "old"
    assert stack.crew("uwsgi", 2) == before
    (faulty / "faults.py").write_text(code.replace('"old"', '"new"'))
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    assert stack.get().text == "new"


def test_one_that_is_killed_while_it_leaves_takes_nothing_but_its_own_requests(
    stack: Stack, faulty: Path
) -> None:
    change(faulty, '"old"', '"new"')
    (slow,) = background(stack, "/held")
    wait_until_busy(stack, 1)
    with reloading(stack) as status:
        leaving = master(stack, "uwsgi-previous")
        assert {stack.get().text for _ in range(20)} == {"new"}
        kill(stack, leaving)
        assert status.result() == 0
    assert slow.result().status_code in (502, 503)
    assert stack.get().text == "new"
    assert alone(stack)


def test_a_reload_that_is_killed_leaves_nothing_behind(stack: Stack, faulty: Path) -> None:
    before = stack.crew("uwsgi", 2)
    code = (faulty / "faults.py").read_text()
    hang_while_importing(faulty)
    stack.signal(signal.SIGHUP)
    master(stack, "uwsgi-next")
    reloads = [pid for pid in stack.pids() if "entrypoint.py reload" in processes.command(pid)]
    processes.kill(reloads)
    stack.wait_until(lambda: alone(stack))
    assert stack.crew("uwsgi", 2) == before
    (faulty / "faults.py").write_text(code.replace('"old"', '"new"'))
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    assert stack.get().text == "new"


def test_a_stop_does_not_wait_for_one_that_is_tried(stack: Stack, faulty: Path) -> None:
    hang_while_importing(faulty)
    with reloading(stack) as status:
        master(stack, "uwsgi-next")
        stack.signal(signal.SIGTERM)
        assert stack.wait_until_gone() == 0
        assert status.result() == os.EX_CONFIG or stack.launcher == "image"  # it ends with PID 1


def test_a_stop_lets_both_finish_what_they_have(stack: Stack, faulty: Path) -> None:
    change(faulty, '"old"', '"new"')
    old = background(stack, "/held")
    wait_until_busy(stack, 1)
    with reloading(stack):
        master(stack, "uwsgi-previous")
        new = background(stack, "/held")
        wait_until_busy(stack, 2)
        stack.signal(signal.SIGTERM)
        stack.wait_until(lambda: not stack.listens())
        (faulty / "gate").touch()
        assert [each.result().status_code for each in (*old, *new)] == [200, 200]
        assert stack.wait_until_gone() == 0


def test_reloads_leave_nothing_open(stack: Stack) -> None:
    def seen() -> tuple[int, int, list[str]]:
        (first,) = (pid for pid in stack.pids() if "stack.supervision" in processes.command(pid))
        files = stack.run("find", "run", "-not", "-name", "uwsgi.*").stdout.splitlines()
        return psutil.Process(first).num_fds(), len(stack.pids()), sorted(files)

    for _ in range(2):  # in either folder
        assert stack.run("./entrypoint.py", "reload").returncode == 0
    stack.crew("nginx", len(stack.processes("nginx")) - 1)
    before = seen()
    for _ in range(4):
        assert stack.run("./entrypoint.py", "reload").returncode == 0
    stack.wait_until(lambda: seen() == before)
