"""Stop, die, give up, start again: what happens to requests and to the exit status."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.background import background, good, wait_until_busy
from tests.support.launching import Launch, edit

MODULE = "faults:application"

# Of the tests after which all is as it was: what was killed or stopped is there again.
LASTING = {
    "ALLOWED": "127.0.0.1",
    "HEALTH_PATH": "/request",
    "UWSGI_PROCESSES": "2",
    "NGINX_WORKER_PROCESSES": "2",
}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_stop_finishes_what_was_accepted(
    launch: Launch, faulty: Path, number: signal.Signals
) -> None:
    stack = launch(app=faulty, APP_MODULE=MODULE, UWSGI_PROCESSES="1")
    # One is being served, two wait in uWSGI's queue.
    answers = background(stack, "/held", times=3)
    wait_until_busy(stack, 3)
    stack.signal(number)
    stack.wait_until(lambda: not stack.listens())
    (faulty / "gate").touch()
    assert [answer.result().status_code for answer in answers] == [200, 200, 200]
    assert stack.wait_until_gone() == 0


def test_a_stop_cuts_what_takes_too_long_and_says_so(launch: Launch, faulty: Path) -> None:
    timeout = 12
    stack = launch(
        app=faulty, APP_MODULE=MODULE, SHUTDOWN_TIMEOUT=str(timeout), REQUEST_TIMEOUT="300"
    )
    (answer,) = background(stack, "/wait/300.0")
    wait_until_busy(stack, 1)
    started = time.monotonic()
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0
    assert time.monotonic() - started < 2 * timeout
    assert stack.says("were cut")
    assert answer.exception() or answer.result().status_code >= 499


def test_a_stop_without_work_is_prompt(launch: Launch) -> None:
    # Of which nginx could take three quarters, and uWSGI the last one, were they to wait.
    timeout = 100
    stack = launch(SHUTDOWN_TIMEOUT=str(timeout))
    started = time.monotonic()
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0
    assert time.monotonic() - started < timeout / 5


# A worker that takes its time between the fork and what it does at a signal.
LATE = """
import os, time

os.register_at_fork(after_in_child=lambda: time.sleep(2))


def app(environ, start_response):
    start_response("200 OK", [])
    return []
"""


def test_a_stop_reaches_workers_that_were_forked_a_moment_ago(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text(LATE)
    timeout = 100
    stack = launch(ready=False, app=folder, SHUTDOWN_TIMEOUT=str(timeout))
    stack.says("ready after ")
    started = time.monotonic()
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0
    assert time.monotonic() - started < timeout / 5


# What the entrypoint's first statement blocks.
BLOCKED = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP}


def heeds(pid: int) -> bool:
    """Say whether the entrypoint has blocked the signals, or supervisord handles them by now.

    What the engine starts, and what then becomes the entrypoint, handles them too, and drops them.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    masks = dict(re.findall(r"^(Sig\w+):\t(\w+)$", status, re.MULTILINE))
    ours = sum(1 << number - 1 for number in BLOCKED)
    handled = int(masks["SigCgt"], 16) & ours == ours
    return int(masks["SigBlk"], 16) == ours or (
        handled and "stack.supervision" in processes.command(pid)
    )


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.3, 1.0])
def test_a_stop_during_the_start_is_not_lost(launch: Launch, delay: float) -> None:
    stack = launch(ready=False)
    # Before the entrypoint's first statement nobody is there to hear it.
    stack.wait_until(lambda: heeds(stack.pid))
    end = time.monotonic() + delay
    stack.wait_until(lambda: time.monotonic() >= end)
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0


@pytest.mark.parametrize("which", ["master", "worker"])
@pytest.mark.parametrize("program", ["nginx", "uwsgi"])
def test_a_killed_process_is_replaced_and_the_stack_lives(
    launch_once: Launch, program: str, which: str
) -> None:
    stack = launch_once(alarms=True, **LASTING)
    before = stack.crew(program, 2)
    victim = before[0] if which == "master" else before[-1]
    os.kill(victim, signal.SIGKILL)
    stack.wait_until(lambda: victim not in stack.processes(program))
    stack.wait_until(lambda: good(stack))
    stack.wait_until(lambda: len(stack.processes(program)) == len(before))
    if which == "master":
        stack.wait_until(lambda: not set(before) & set(stack.processes(program)))
        assert stack.says("exited: " + program)
    stack.wait_until(lambda: good(stack))


def test_while_uwsgi_is_away_clients_are_told_to_come_back(launch_once: Launch) -> None:
    stack = launch_once(alarms=True, **LASTING)
    stack.run("supervisorctl", "stop", "uwsgi")
    answer = stack.get()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert stack.run("./entrypoint.py", "healthy").returncode == 1
    assert stack.run("./entrypoint.py", "alive").returncode == 0
    stack.run("supervisorctl", "start", "uwsgi")
    stack.wait_until(lambda: good(stack))


def test_health_asks_for_what_it_is_told_to(launch: Launch, faulty: Path) -> None:
    stack = launch(app=faulty, APP_MODULE=MODULE, HEALTH_PATH="/status/204")
    assert stack.run("./entrypoint.py", "healthy").returncode == 0
    other = launch(ready=False, app=faulty, APP_MODULE=MODULE, HEALTH_PATH="/status/500")
    other.wait_until(lambda: other.run("./entrypoint.py", "alive").returncode == 0)
    other.wait_until(other.answers)
    assert other.run("./entrypoint.py", "healthy").returncode == 1
    stack.get("/marker")
    stack.wait_until(lambda: stack.lines("GET /marker"))
    assert not stack.lines(" - - [", "/ready")
    assert not stack.lines(" - - [", "/status/204")


def test_health_is_a_question_and_nothing_else(launch_once: Launch) -> None:
    stack = launch_once(alarms=True, **LASTING)
    url = f"http://127.255.255.254:{stack.port}"
    with stack.connection("127.0.0.1") as session:
        assert session.get(f"{url}/ready?x=1", headers={"Host": "x"}).status_code == 200
        assert session.post(f"{url}/ready").status_code == 403
        assert session.delete(f"{url}/ready").status_code == 403
        assert session.get(f"{url}/request").status_code == 404
        assert session.get(f"{url}/alive").status_code == 204


def test_an_application_that_does_not_import_ends_with_1_and_its_traceback(
    launch: Launch, faulty: Path
) -> None:
    (faulty / "faults.py").write_text("import no_such_package\n")
    stack = launch(ready=False, alarms=True, app=faulty, APP_MODULE=MODULE)
    assert stack.wait_until_gone() == 1
    # But for what supervisord says itself: Docker does not keep two streams in order.
    *_, error, reason, last = [
        line for line in stack.log().splitlines() if not re.match(r"20\d\d-", line)
    ]
    assert error == "ModuleNotFoundError: No module named 'no_such_package'"
    assert reason.startswith(f"entrypoint: error: APP_MODULE: '{MODULE}': ")
    assert "uwsgi gave up" in last
    assert len(stack.says("spawned: 'uwsgi'")) == 1


def test_a_port_that_is_taken_is_refused_before_anything_starts(launch: Launch) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        stack = launch(ready=False, LISTEN_PORT=port)
        assert stack.wait_until_gone() == os.EX_CONFIG
    assert stack.says("error: LISTEN_PORT", port)


def test_a_port_that_only_nginx_finds_taken_ends_with_1_and_its_reason(
    launch: Launch, conf: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        included = "include ../run/server.conf;"
        edit(conf, included, f"{included} listen {address};")
        stack = launch(ready=False, alarms=True, conf=conf)
        assert stack.wait_until_gone() == 1
    # Once for each try, and once more at the end, beside the verdict.
    assert len(stack.lines("still could not bind()")) == len(stack.lines("spawned: 'nginx'")) + 1
    assert stack.says("entrypoint: error: nginx gave up")


def test_a_broken_nginx_configuration_is_refused_before_anything_starts(
    launch: Launch, conf: Path
) -> None:
    edit(conf, "server_tokens off;", "server_tokens offf;")
    stack = launch(ready=False, alarms=True, conf=conf)
    assert stack.wait_until_gone() == os.EX_CONFIG
    assert stack.says("conf/nginx.conf:")


def test_a_second_start_in_the_same_place_does_no_harm(launch_once: Launch, launcher: str) -> None:
    stack = launch_once(alarms=True, **LASTING)
    command = ["./entrypoint.py"] if launcher == "host" else ["/srv/entrypoint.py"]
    answer = stack.run(*command)
    assert answer.returncode == os.EX_CONFIG
    assert "deny all" in stack.run("cat", "run/permissions.conf").stdout
    assert good(stack)


def test_starts_again_after_a_kill(launch: Launch) -> None:
    stack = launch()
    stack.signal(signal.SIGKILL)
    stack.wait_until_gone()
    stack.start_again()
    assert good(stack)


def test_starts_again_after_a_stop(launch: Launch) -> None:
    stack = launch()
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0
    stack.start_again()
    assert good(stack)
