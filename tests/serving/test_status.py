"""The status view, and the metrics with it, when they are needed most; and what they never tell."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests

from stack.supervision.observation import problems
from stack.supervision.observation.snapshot import Now
from tests.support import processes
from tests.support.background import background
from tests.support.host import HostStack
from tests.support.launching import Launch
from tests.support.scrape import scrape
from tests.support.stacks import Stack
from tests.support.wait import HANGS

SECRETS = {
    "cookie": "session=cookie-7f3a",
    "authorization": "Basic authorization-7f3a",
    "x-own": "header-7f3a",
}


def status(stack: Stack) -> dict[str, Any]:
    """Ask for all of it."""
    answer = stack.run("./entrypoint.py", "status", "--json")
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    return dict(json.loads(answer.stdout))


def screen(stack: Stack) -> str:
    """Ask for the screen."""
    answer = stack.run("./entrypoint.py", "status")
    assert answer.returncode == 0, answer.stderr
    assert "\x1b" not in answer.stdout
    return answer.stdout


def words(stack: Stack) -> list[str]:
    """Name what is wrong."""
    return [each["word"] for each in status(stack)["problems"]]


def test_it_works_while_everything_hangs_and_says_so(launch: Launch, faulty: Path) -> None:
    stack = launch(app=faulty, APP_MODULE="faults:application", UWSGI_PROCESSES="2")
    assert words(stack) == []
    waiting = background(stack, "/held?secret=query-7f3a", 5)
    stack.wait_until(lambda: status(stack)["queue"]["length"] == 3)
    found = status(stack)
    assert found["workers"]["busy"] == found["workers"]["total"] == 2
    assert [each["word"] for each in found["problems"]] == ["SATURATED"]
    assert all((Path(__file__).parents[2] / each["page"]).exists() for each in found["problems"])
    running = [each["running"][0] for each in found["workers"]["each"]]
    assert {(each["method"], each["path"]) for each in running} == {("GET", "/held")}
    text = screen(stack)
    assert "2 of 2 busy   queue 3 of 512" in text
    assert all(f"GET /held  {each['id']}" in text for each in running)
    assert scrape(stack)["uwsgi_listen_queue_length"] == 3
    assert scrape(stack)["uwsgi_workers_busy"] == 2

    stopped = stack.processes("uwsgi")[:1]
    os.kill(stopped[0], signal.SIGSTOP)
    stack.wait_until(lambda: scrape(stack)["uwsgi_up"] == 0)
    stack.wait_until(lambda: words(stack) == ["STOPPED", "SATURATED"])
    assert scrape(stack)["uwsgi_listen_queue_length"] == 3
    assert scrape(stack).value("supervisor_process_up", name="uwsgi") == 0
    assert "uwsgi    STOPPED BY A SIGNAL" in screen(stack)

    stopped += stack.processes("nginx")[:1]
    os.kill(stopped[1], signal.SIGSTOP)
    stack.wait_until(lambda: words(stack) == ["STOPPED", "STOPPED", "SATURATED"])
    assert scrape(stack)["nginx_up"] == 1  # its workers go on

    stopped += stack.processes("nginx")[1:]
    for each in stopped[2:]:
        os.kill(each, signal.SIGSTOP)
    stack.wait_until(lambda: status(stack)["connections"] is None)

    for each in stopped:
        os.kill(each, signal.SIGCONT)
    (faulty / "gate").touch()
    assert {each.result().status_code for each in waiting} == {200}
    stack.wait_until(lambda: words(stack) == [])
    assert not stack.lines("Broken pipe")


def test_workers_that_die_are_told_of(launch: Launch, faulty: Path) -> None:
    stack = launch(app=faulty, APP_MODULE="faults:application", UWSGI_PROCESSES="2")
    stack.wait_until(lambda: status(stack)["workers"]["age"] is not None)
    processes.kill(stack.crew("uwsgi", 2)[1:2])
    stack.wait_until(lambda: words(stack) == ["LOSING WORKERS"])
    found = status(stack)
    assert (found["deaths"]["total"], found["deaths"]["reason"]) == (1, "signal 9")
    assert sorted(each["died"] for each in found["workers"]["each"]) == [0, 1]
    assert scrape(stack).value("uwsgi_worker_deaths_total", reason="signal") == 1
    stack.crew("uwsgi", 2)
    stack.wait_until_ready()
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    stack.wait_until(lambda: status(stack)["reload"])
    found = status(stack)
    assert found["deaths"]["total"] == 1  # a reload replaces workers, and loses none
    assert found["reload"]["successful"]
    (faulty / "faults.py").write_text("import nothing_of_this_name\n")
    assert stack.run("./entrypoint.py", "reload").returncode == 78
    stack.wait_until(lambda: not status(stack)["reload"]["successful"])
    assert scrape(stack)["nginx_python3_reload_last_successful"] == 0


def test_what_the_application_writes_is_no_death(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text(FORGER)
    stack = launch(app=folder, UWSGI_PROCESSES="1")
    assert stack.get("/?line=" + "DAMN ! worker 1 (pid: 4000000) died :(").status_code == 200
    stack.says("pid: 4000000")
    assert stack.get("/?mine=1").status_code == 200
    stack.says("forged of itself")
    assert status(stack)["deaths"]["total"] == 0


FORGER = """
import os
import flask

app = flask.Flask(__name__)

@app.get("/")
def index():
    print(flask.request.args.get("line", ""), flush=True)
    if "mine" in flask.request.args:
        print(f"DAMN ! worker 1 (pid: {os.getpid()}) died :(\\nforged of itself", flush=True)
    return ""
"""


def test_nothing_that_is_secret_is_told(launch: Launch, faulty: Path) -> None:
    environ = {"API_KEY": "environ-7f3a"}
    module = "faults:application"
    stack = launch(app=faulty, APP_MODULE=module, UWSGI_PROCESSES="1", **environ)
    url = f"http://user:password-7f3a@127.0.0.1:{stack.port}/held?query-7f3a=1"
    script = (
        "import requests, sys; requests.post(sys.argv[1], data={'form': 'form-7f3a'}, timeout=60, "
        f"headers={SECRETS!r})"
    )
    python = [sys.executable, "-c", script, url]
    with subprocess.Popen(python) as client:
        stack.wait_until(lambda: status(stack)["workers"]["busy"] == 1)
        told = [json.dumps(status(stack)), screen(stack), scrape(stack).text]
        (faulty / "gate").touch()
        assert client.wait(HANGS) == 0
    told += [json.dumps(status(stack)), scrape(stack).text]
    assert all("7f3a" not in text for text in told)
    assert "POST" in told[0]
    assert "/held" in told[0]


def interruptible() -> None:
    """Have Ctrl-C heard: a shell has what it starts in the background ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_it_is_in_colour_on_a_terminal_and_can_go_on(launch: Launch, faulty: Path) -> None:
    stack = launch(app=faulty, APP_MODULE="faults:application", UWSGI_PROCESSES="1")
    waiting = background(stack, "/held/%1b[31m?", 2) + background(stack, "/held", 2)
    stack.wait_until(lambda: words(stack) == ["SATURATED"])
    if isinstance(stack, HostStack):
        ours, theirs = pty.openpty()
        watch = [str(stack.python), "entrypoint.py", "status", "--watch"]
        watching = subprocess.Popen(
            watch, cwd=stack.root, stdout=theirs, stderr=theirs, preexec_fn=interruptible
        )
        try:
            seen = b""
            while seen.count(b"\x1b[H\x1b[2J") < 2:
                seen += os.read(ours, 4096)
            watching.send_signal(signal.SIGINT)
            assert watching.wait(HANGS) == 0
        finally:
            watching.kill()
            watching.wait()
        assert b"\x1b[1;31mSATURATED\x1b[0m" in seen
        assert seen.count(b"\x1b[31m") == 0
    (faulty / "gate").touch()
    assert {each.result().status_code for each in waiting} == {200, 404}


def test_without_a_stack_it_says_so(launch: Launch) -> None:
    stack = launch()
    assert "no stack answers" not in screen(stack)
    if isinstance(stack, HostStack):
        stack.signal(signal.SIGTERM)
        assert stack.wait_until_gone() == 0
        answer = stack.run("./entrypoint.py", "status")
        assert answer.returncode == 1
        assert "no stack answers" in answer.stderr


def test_a_health_check_that_fails_is_not_ready(launch: Launch, faulty: Path) -> None:
    stack = launch(
        ready=False, app=faulty, APP_MODULE="faults:application", HEALTH_PATH="/status/500"
    )
    stack.wait_until(stack.loaded)

    def asked_for_health() -> bool:
        url = f"http://127.255.255.254:{stack.port}/ready"
        assert requests.get(url, timeout=HANGS).status_code == 500
        return words(stack) == ["NOT READY"]

    stack.wait_until(asked_for_health)
    assert scrape(stack)["nginx_python3_ready"] == 0


def test_the_versions_are_what_the_command_prints(stack: Stack) -> None:
    lines = stack.run("./entrypoint.py", "version").stdout.lower().splitlines()
    printed = dict(line.split() for line in lines[2:-1])  # but for our own, and the base
    assert printed == status(stack)["versions"]
    labels = next(line for line in scrape(stack).text.splitlines() if "build_info{" in line)
    assert f'flask="{printed["flask"]}"' in labels


def test_a_pipe_in_the_place_of_a_file_holds_up_nobody(launch: Launch) -> None:
    stack = launch()
    for name in ("facts.json", "reload.json", "certificate.json", "nginx.pid"):
        assert stack.run("rm", "-f", f"run/{name}").returncode == 0
        assert stack.run("mkfifo", f"run/{name}").returncode == 0
    stack.wait_until(lambda: status(stack)["versions"] == {})  # else it was asked before
    # Whether nginx listens is asked again where uWSGI starts again.
    assert stack.run("supervisorctl", "restart", "uwsgi").returncode == 0
    stack.wait_until_ready()
    assert status(stack)["problems"] == []
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0


def test_run_that_is_nearly_full_is_told_of(launch: Launch) -> None:
    stack = launch(room="32m")
    assert words(stack) == []
    filled = stack.run("dd", "if=/dev/zero", "of=run/filler", "bs=1M", "count=30")
    assert filled.returncode == 0, filled.stderr
    stack.wait_until(lambda: words(stack) == ["RUN FULL"])
    assert "run/ 9" in screen(stack)
    assert stack.run("rm", "run/filler").returncode == 0
    stack.wait_until(lambda: words(stack) == [])


def test_run_is_measured_as_df_does(stack: Stack) -> None:
    size, used, free = (
        1024 * int(each) for each in stack.run("df", "-kP", "run").stdout.split()[-5:-2]
    )
    found = status(stack)["run"]
    assert found["size"] == pytest.approx(used + free, rel=0.01), size
    assert found["free"] == pytest.approx(free, rel=0.1)


@pytest.mark.parametrize(
    ("size", "free", "full"),
    [
        (64 << 20, 7 << 20, False),
        (64 << 20, 6 << 20, True),
        (270 << 30, 25 << 30, False),
        (270 << 30, 1 << 29, True),
        (0, 0, False),  # as a filesystem that does not count
    ],
)
def test_a_small_part_of_a_large_disk_is_enough(size: int, free: int, full: bool) -> None:
    assert bool(list(problems.full(cast("Now", SimpleNamespace(room=(size, free)))))) == full
