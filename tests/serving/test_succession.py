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
from tests.support.host import HostStack
from tests.support.launching import Launch
from tests.support.stacks import Stack

MODULE = "faults:application"


@pytest.fixture
def pair(launch: Launch, faulty: Path) -> Stack:
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
    change(folder, 'VERSION = "old"', 'time.sleep(600)\nVERSION = "new"')


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
    pair: Stack, faulty: Path
) -> None:
    change(faulty, "return VERSION", "raise ValueError(VERSION)")
    before = pair.crew("uwsgi", 2)
    answer = pair.run("./entrypoint.py", "reload")
    assert answer.returncode == os.EX_CONFIG
    assert "the new application answers / with 500" in answer.stderr
    assert pair.get().text == "old"
    assert pair.crew("uwsgi", 2) == before
    assert alone(pair)


def test_one_that_is_killed_while_it_is_tried_is_a_reload_that_failed(
    pair: Stack, faulty: Path
) -> None:
    before = pair.crew("uwsgi", 2)
    code = (faulty / "faults.py").read_text()
    hang_while_importing(faulty)
    with reloading(pair) as status:
        kill(pair, master(pair, "uwsgi-next"))
        assert status.result() == os.EX_CONFIG
    assert pair.get().text == "old"
    assert pair.crew("uwsgi", 2) == before
    (faulty / "faults.py").write_text(code.replace('"old"', '"new"'))
    assert pair.run("./entrypoint.py", "reload").returncode == 0
    assert pair.get().text == "new"


def test_one_that_is_killed_while_it_leaves_takes_nothing_but_its_own_requests(
    pair: Stack, faulty: Path
) -> None:
    change(faulty, '"old"', '"new"')
    (slow,) = background(pair, "/held")
    wait_until_busy(pair, 1)
    with reloading(pair) as status:
        pair.wait_until(lambda: pair.get().text == "new")
        leaving = master(pair, "uwsgi-previous")
        assert {pair.get().text for _ in range(20)} == {"new"}
        kill(pair, leaving)
        assert status.result() == 0
    assert slow.result().status_code in (502, 503)
    assert pair.get().text == "new"
    assert alone(pair)


def test_a_reload_that_is_killed_leaves_nothing_behind(pair: Stack, faulty: Path) -> None:
    before = pair.crew("uwsgi", 2)
    code = (faulty / "faults.py").read_text()
    hang_while_importing(faulty)
    pair.signal(signal.SIGHUP)
    master(pair, "uwsgi-next")
    reloads = [pid for pid in pair.pids() if "entrypoint.py reload" in processes.command(pid)]
    processes.kill(reloads)
    pair.wait_until(lambda: alone(pair))
    assert pair.crew("uwsgi", 2) == before
    (faulty / "faults.py").write_text(code.replace('"old"', '"new"'))
    assert pair.run("./entrypoint.py", "reload").returncode == 0
    assert pair.get().text == "new"


def test_when_memory_runs_out_those_that_serve_are_killed_last(pair: Stack, faulty: Path) -> None:
    """Of two uWSGIs and a reload (stack/machine/oom.py)."""

    def score(pid: int) -> int:
        return int(pair.run("cat", f"/proc/{pid}/oom_score_adj").stdout)

    code = (faulty / "faults.py").read_text()
    hang_while_importing(faulty)
    pair.signal(signal.SIGHUP)
    tried = master(pair, "uwsgi-next")
    (reload,) = [pid for pid in pair.pids() if "entrypoint.py reload" in processes.command(pid)]
    of_reload = int(Path(f"/proc/{reload}/oom_score_adj").read_text())
    pair.wait_until(lambda: score(tried) > of_reload)
    assert of_reload > score(master(pair, "uwsgi"))
    processes.kill([reload])
    pair.wait_until(lambda: alone(pair))
    (faulty / "faults.py").write_text(code.replace('"old"', '"new"'))
    (slow,) = background(pair, "/held")
    wait_until_busy(pair, 1)
    with reloading(pair) as status:
        pair.wait_until(lambda: pair.get().text == "new")
        leaving, serving = master(pair, "uwsgi-previous"), master(pair, "uwsgi")
        assert of_reload > score(leaving) > score(serving)
        kill(pair, leaving)
        assert status.result() == 0
    slow.result()


# A reload that has ended before supervisord has noticed that what it tried, and gave up, is gone.
GIVES_UP = """
import os
from stack.run import supervisor

supervision = supervisor.interface("supervision")
os.makedirs("run/uwsgi.2", exist_ok=True)
assert supervision.begin("run/uwsgi.2", 2**22)
supervision.abandon()
"""


def test_a_reload_may_end_before_what_it_gave_up(pair: Stack) -> None:
    before = pair.crew("uwsgi", 2)
    python = str(pair.python) if isinstance(pair, HostStack) else "/opt/venv/bin/python3"
    for _ in range(2):
        answer = pair.run(python, "-c", GIVES_UP)
        assert answer.returncode == 0, answer.stderr
        pair.wait_until(lambda: alone(pair))
    assert pair.alive()
    assert pair.crew("uwsgi", 2) == before
    assert pair.get().text == "old"


def test_a_stop_does_not_wait_for_one_that_is_tried(pair: Stack, faulty: Path) -> None:
    hang_while_importing(faulty)
    with reloading(pair) as status:
        master(pair, "uwsgi-next")
        pair.signal(signal.SIGTERM)
        assert pair.wait_until_gone() == 0
        assert status.result() == os.EX_CONFIG or pair.launcher == "image"  # it ends with PID 1


def test_a_stop_lets_both_finish_what_they_have(pair: Stack, faulty: Path) -> None:
    change(faulty, '"old"', '"new"')
    old = background(pair, "/held")
    wait_until_busy(pair, 1)
    with reloading(pair):
        pair.wait_until(lambda: pair.get().text == "new")
        master(pair, "uwsgi-previous")
        new = background(pair, "/held")
        wait_until_busy(pair, 2)
        pair.signal(signal.SIGTERM)
        pair.wait_until(lambda: not pair.listens())
        (faulty / "gate").touch()
        assert [each.result().status_code for each in (*old, *new)] == [200, 200]
        assert pair.wait_until_gone() == 0


def test_reloads_leave_nothing_open(pair: Stack) -> None:
    def seen() -> tuple[int, int, list[str]]:
        (first,) = (pid for pid in pair.pids() if "stack.supervision" in processes.command(pid))
        files = pair.run("find", "run", "-not", "-name", "uwsgi.*").stdout.splitlines()
        return psutil.Process(first).num_fds(), len(pair.pids()), sorted(files)

    for _ in range(2):  # in either folder
        assert pair.run("./entrypoint.py", "reload").returncode == 0
    pair.crew("nginx", len(pair.processes("nginx")) - 1)
    before = seen()
    for _ in range(4):
        assert pair.run("./entrypoint.py", "reload").returncode == 0
    pair.wait_until(lambda: seen() == before)
