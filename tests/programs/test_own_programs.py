"""The operator's own programs: run as the application runs, started after it, stopped before it."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.background import background
from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

OWN = ROOT / "tests/apps/own"
WORKER = "[program:worker]\ncommand = python3 worker.py"


@pytest.fixture
def app(folder: Path) -> Path:
    """The application tests/apps/own, to be changed while it runs."""
    shutil.copytree(OWN, folder, dirs_exist_ok=True)
    return folder


def put(conf: Path, text: str, name: str = "worker") -> None:
    """Add a file of programs."""
    (conf / "supervisor.d" / f"{name}.conf").write_text(text + "\n")


def states(stack: Stack) -> dict[str, str]:
    """Ask supervisorctl for the state of each program."""
    lines = stack.run("supervisorctl", "status").stdout.splitlines()
    return {name: state for name, state, *_ in (line.split() for line in lines)}


def pids(stack: Stack) -> list[int]:
    """Find the processes of worker.py."""
    return sorted(pid for pid in stack.pids() if "worker.py" in processes.command(pid))


def test_two_lines_are_enough(launch: Launch, app: Path, conf: Path) -> None:
    put(conf, WORKER)
    (app / "key").write_text("from a file\n")
    settings = {"ENV_FROM_FILES": "SECRET_KEY", "SECRET_KEY_FILE": "app/key"}
    stack = launch(app=app, conf=conf, SHUTDOWN_TIMEOUT="40", **settings)
    (first,) = stack.says("worker: old in ")
    assert re.search(r"worker: old in /\S*app with from a file app$", first)
    stack.says("worker: a line in two pieces")
    stack.says("worker: an error")
    assert states(stack).keys() == {"nginx", "uwsgi", "worker"}
    stack.wait_until(lambda: "an error" in stack.run("supervisorctl", "tail", "worker").stdout)
    shown = stack.run("./entrypoint.py", "check").stdout
    assert "[program:worker]" in shown
    assert " app python3 worker.py\n" in shown
    # All of it ends with its main process, and no line is lost.
    assert len(pids(stack)) == 2
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0
    stack.says("worker: the last job is done, and this line has no end")


def test_it_starts_when_the_application_has_answered(launch: Launch, app: Path, conf: Path) -> None:
    put(conf, WORKER)
    put(conf, WORKER.replace("worker]", "early]") + "\nstart_at_once = true", "early")
    stack = launch(ready=False, app=app, conf=conf, GATED="1")
    stack.says("early: a line in two pieces")
    stack.wait_until(lambda: stack.answers() and stack.get().text == "not yet")
    assert states(stack)["worker"] == "STOPPED"
    (app / "gate").touch()
    stack.says("worker: old in ")


def test_a_stop_waits_for_all_of_them_at_the_same_time_while_nginx_serves(
    launch: Launch, app: Path, conf: Path
) -> None:
    names = ("one", "two", "three")
    for name in names:
        # Which it does not take: it ends when the file is there.
        put(conf, WORKER.replace("worker]", f"{name}]").replace("worker.py", "held.py"), name)
    (app / "held.py").write_text(
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('asked to stop', flush=True))\n"
        "print('begun', flush=True)\n"
        "while not os.path.exists('gate'): time.sleep(0.02)\n"
    )
    stack = launch(app=app, conf=conf, SHUTDOWN_TIMEOUT="100")
    for name in names:
        stack.says(f"{name}: begun")
    stack.signal(signal.SIGTERM)
    for name in names:
        stack.says(f"{name}: asked to stop")
    assert stack.get().text == "old"
    (app / "gate").touch()
    assert stack.wait_until_gone() == 0
    assert not stack.lines("SIGKILL")


def test_one_that_takes_too_long_is_killed_and_so_is_what_it_started(
    launch: Launch, app: Path, conf: Path
) -> None:
    put(conf, WORKER + " 300\nstopwaitsecs = 1")
    stack = launch(app=app, conf=conf)
    stack.says("worker: an error")
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0
    stack.says("worker", "was killed", "stopwaitsecs")


@pytest.mark.parametrize("which", [0, 1], ids=["main", "child"])
def test_one_that_is_killed_is_started_again(
    launch: Launch, app: Path, conf: Path, which: int
) -> None:
    put(conf, WORKER)
    stack = launch(app=app, conf=conf, SHUTDOWN_TIMEOUT="40", LOG_LEVEL="debug")
    stack.says("worker: an error")
    stack.says("success: worker entered RUNNING state")
    stack.wait_until(lambda: len(pids(stack)) == 2)
    before = pids(stack)
    os.kill(before[which], signal.SIGKILL)
    if which == 0:
        stack.says("worker: an error", count=2)
        stack.wait_until(lambda: len(pids(stack)) == 2)
        assert not {*before} & {*pids(stack)}
    assert stack.get().text == "old"


def test_one_that_cannot_be_kept_running_ends_the_container_with_1(
    launch: Launch, app: Path, conf: Path
) -> None:
    put(conf, WORKER + "\nenvironment = ROLE=dies\nstartretries = 1\nstartsecs = 60")
    stack = launch(ready=False, alarms=True, app=app, conf=conf)
    assert stack.wait_until_gone() == 1
    last = [line for line in stack.log().splitlines() if not re.match(r"20\d\d-", line)][-1]
    assert last.startswith("entrypoint: error: worker gave up")
    assert len(stack.lines("worker: an error")) == 2


def test_one_that_may_end_may_end(launch: Launch, app: Path, conf: Path) -> None:
    put(conf, WORKER + "\nenvironment = ROLE=dies\nautorestart = false")
    put(conf, WORKER.replace("worker]", "job]") + "\nenvironment = ROLE=ends", "job")
    stack = launch(app=app, conf=conf, LOG_LEVEL="debug")
    stack.says("exited: worker")
    stack.wait_until(lambda: states(stack)["worker"] == "EXITED")
    stack.says("job: an error")
    assert stack.get().text == "old"


def test_several_processes_of_one_program_have_names_of_their_own(
    launch: Launch, app: Path, conf: Path
) -> None:
    put(conf, WORKER + "\nnumprocs = 2")
    stack = launch(app=app, conf=conf)
    stack.says("worker_00: an error")
    stack.says("worker_01: an error")
    assert {"worker:worker_00", "worker:worker_01"} < states(stack).keys()


def test_a_reload_starts_them_with_the_new_code_after_their_last_job(
    launch: Launch, launcher: str, app: Path, conf: Path
) -> None:
    put(conf, WORKER + " 1\nstartsecs = 1")
    stack = launch(app=app, conf=conf, SHUTDOWN_TIMEOUT="60")
    stack.says("worker: old in ")
    text = (app / "app.py").read_text()
    (app / "app.py").write_text("import nothing_of_this_name\n")
    assert stack.run("./entrypoint.py", "reload").returncode == os.EX_CONFIG
    assert not stack.lines("worker: asked to stop")
    (app / "app.py").write_text(text.replace('"old"', '"new"'))
    if launcher == "host":
        conf = stack.root / "conf"  # type: ignore[attr-defined]
    put(conf, WORKER.replace("worker]", "another]") + "\nstartsecs = 1", "another")
    (slow,) = background(stack, "/")
    answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == 0, answer.stderr
    assert "waiting for the last jobs of worker" in answer.stderr
    assert "another, worker: started again with the new code" in answer.stderr
    stack.says("worker: new in ")
    stack.says("another: new in ")
    stack.says("worker: the last job is done, and this line has no end")
    assert slow.result().status_code == 200
    (conf / "supervisor.d/worker.conf").unlink()
    answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == 0, answer.stderr
    assert states(stack).keys() == {"nginx", "uwsgi", "another"}


def test_a_reload_says_that_a_program_does_not_run_with_the_new_code(
    launch: Launch, app: Path, conf: Path
) -> None:
    put(conf, WORKER)
    stack = launch(app=app, conf=conf, SHUTDOWN_TIMEOUT="40")
    stack.says("worker: an error")
    (app / "worker.py").write_text("raise SystemExit('broken')\n")
    answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == 1
    assert "error: worker: started with the new code, and does not run" in answer.stderr
    assert stack.get().text == "old"


def test_one_that_was_stopped_by_hand_stays_so(launch: Launch, app: Path, conf: Path) -> None:
    put(conf, WORKER)
    stack = launch(app=app, conf=conf, SHUTDOWN_TIMEOUT="40")
    stack.says("worker: an error")
    stack.run("supervisorctl", "stop", "worker")
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    assert states(stack)["worker"] == "STOPPED"
    stack.run("supervisorctl", "start", "worker")
    stack.says("worker: an error", count=2)
