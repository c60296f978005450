"""Stop, die, give up, reload, start again: what happens to requests and to the exit status."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest
import requests

from tests.background import background, wait_until_busy
from tests.conftest import Launch
from tests.image import ImageStack, docker
from tests.stacks import ROOT, Stack

FAULTS = ROOT / "tests/apps/faults"
MODULE = "faults:application"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An application of the test's own, to be changed while it runs."""
    shutil.copytree(FAULTS, tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "app").chmod(0o755)
    tmp_path.chmod(0o755)
    return tmp_path / "app"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_stop_finishes_what_was_accepted(
    launch: Launch, app: Path, number: signal.Signals
) -> None:
    stack = launch(app=app, APP_MODULE=MODULE, UWSGI_PROCESSES="1")
    # One is being served, two wait in uWSGI's queue.
    answers = background(stack, "/wait/0.7", times=3)
    wait_until_busy(stack, 3)
    stack.signal(number)
    assert [answer.result().status_code for answer in answers] == [200, 200, 200]
    assert stack.wait_until_gone(timeout=10) == 0


def test_a_stop_cuts_what_takes_too_long_and_says_so(launch: Launch, app: Path) -> None:
    stack = launch(app=app, APP_MODULE=MODULE, SHUTDOWN_TIMEOUT="4")
    (answer,) = background(stack, "/wait/60.0")
    wait_until_busy(stack, 1)
    started = time.monotonic()
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone(timeout=10) == 0
    assert time.monotonic() - started < 8
    assert stack.lines("were cut")
    assert answer.exception() or answer.result().status_code >= 499


def test_a_stop_without_work_is_prompt(launch: Launch) -> None:
    stack = launch()
    started = time.monotonic()
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.3, 1.0])
def test_a_stop_during_the_start_is_not_lost(launch: Launch, delay: float) -> None:
    stack = launch(ready=False)
    end = time.monotonic() + delay
    stack.wait_until(lambda: time.monotonic() >= end)
    stack.signal(signal.SIGTERM)
    status = stack.wait_until_gone(timeout=8)
    # Before its first statement the entrypoint can only die of the signal; as PID 1 it cannot.
    assert status in ({0, -signal.SIGTERM} if stack.launcher == "host" and delay < 0.1 else {0})


@pytest.mark.parametrize("which", ["master", "worker"])
@pytest.mark.parametrize("program", ["nginx", "uwsgi"])
def test_a_killed_process_is_replaced_and_the_stack_lives(
    launch: Launch, program: str, which: str
) -> None:
    stack = launch(alarms=True, UWSGI_PROCESSES="2")
    before = stack.processes(program)
    victim = before[0] if which == "master" else before[-1]
    os.kill(victim, signal.SIGKILL)
    stack.wait_until(lambda: victim not in stack.processes(program))
    stack.wait_until(lambda: good(stack), timeout=10)
    stack.wait_until(lambda: len(stack.processes(program)) == len(before))
    if which == "master":
        stack.wait_until(lambda: not set(before) & set(stack.processes(program)))
        assert stack.lines("exited: " + program)
    stack.wait_until(lambda: good(stack))


def good(stack: Stack) -> bool:
    """Say whether the application answers; a bare 502 is never right."""
    try:
        status = stack.get().status_code
    except requests.ConnectionError:
        return False
    assert status in (200, 503)
    return status == 200


def test_while_uwsgi_is_away_clients_are_told_to_come_back(launch: Launch) -> None:
    stack = launch()
    stack.run("supervisorctl", "stop", "uwsgi")
    answer = stack.get()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert stack.run("./entrypoint.py", "healthy").returncode == 1
    assert stack.run("./entrypoint.py", "alive").returncode == 0
    stack.run("supervisorctl", "start", "uwsgi")
    stack.wait_until(lambda: good(stack))


def test_health_asks_for_what_it_is_told_to(launch: Launch, app: Path) -> None:
    stack = launch(app=app, APP_MODULE=MODULE, HEALTH_PATH="/status/404")
    assert stack.run("./entrypoint.py", "healthy").returncode == 0
    other = launch(ready=False, app=app, APP_MODULE=MODULE, HEALTH_PATH="/status/500")
    other.wait_until(lambda: other.run("./entrypoint.py", "alive").returncode == 0)
    other.wait_until(other.answers)
    assert other.run("./entrypoint.py", "healthy").returncode == 1
    stack.get("/marker")
    stack.wait_until(lambda: stack.lines("GET /marker"))
    assert not stack.lines("/ready")
    assert not stack.lines("/status/404")


def test_health_is_a_question_and_nothing_else(launch: Launch) -> None:
    stack = launch(HEALTH_PATH="/request")
    url = f"http://127.255.255.254:{stack.port}"
    with stack.connection("127.0.0.1") as session:
        assert session.get(f"{url}/ready?x=1", headers={"Host": "x"}).status_code == 200
        assert session.post(f"{url}/ready").status_code == 403
        assert session.delete(f"{url}/ready").status_code == 403
        assert session.get(f"{url}/request").status_code == 404
        assert session.get(f"{url}/alive").status_code == 204


def test_an_application_that_does_not_import_ends_with_1_and_its_traceback(
    launch: Launch, app: Path
) -> None:
    (app / "faults.py").write_text("import no_such_package\n")
    stack = launch(ready=False, alarms=True, app=app, APP_MODULE=MODULE)
    assert stack.wait_until_gone(timeout=20) == 1
    *_, error, reason, last = stack.log().splitlines()
    assert error == "ModuleNotFoundError: No module named 'no_such_package'"
    assert reason.startswith(f"entrypoint: error: APP_MODULE: '{MODULE}': ")
    assert "uwsgi gave up" in last
    assert len(stack.lines("spawned: 'uwsgi'")) == 1


def test_a_port_that_is_taken_is_refused_before_anything_starts(launch: Launch) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        stack = launch(ready=False, LISTEN_PORT=port)
        assert stack.wait_until_gone() == os.EX_CONFIG
    assert stack.lines("error: LISTEN_PORT", port)


def conf_with(tmp_path: Path, old: str, new: str) -> Path:
    """Copy conf/ with a change in nginx.conf."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    text = (tmp_path / "conf/nginx.conf").read_text()
    assert old in text
    (tmp_path / "conf/nginx.conf").write_text(text.replace(old, new))
    return tmp_path / "conf"


def test_a_port_that_only_nginx_finds_taken_ends_with_1_and_its_reason(
    launch: Launch, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        included = "include ../run/listen.conf;"
        conf = conf_with(tmp_path, included, f"{included} listen {address};")
        stack = launch(ready=False, alarms=True, conf=conf)
        assert stack.wait_until_gone(timeout=40) == 1
    # Once for each try, and once more at the end, beside the verdict.
    assert len(stack.lines("still could not bind()")) == len(stack.lines("spawned: 'nginx'")) + 1
    assert stack.lines("entrypoint: error: nginx gave up")


def test_a_broken_nginx_configuration_is_refused_before_anything_starts(
    launch: Launch, tmp_path: Path
) -> None:
    conf = conf_with(tmp_path, "server_tokens off;", "server_tokens offf;")
    stack = launch(ready=False, alarms=True, conf=conf)
    assert stack.wait_until_gone() == os.EX_CONFIG
    assert stack.lines("conf/nginx.conf:")


def test_a_reload_brings_new_code_and_loses_nothing(launch: Launch, app: Path) -> None:
    stack = launch(app=app, APP_MODULE=MODULE)
    text = (app / "faults.py").read_text()
    (app / "faults.py").write_text(text.replace('"old"', '"new"'))
    (slow,) = background(stack, "/wait/1.0")
    wait_until_busy(stack, 1)
    answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == 0, answer.stderr
    assert {stack.get().text for _ in range(20)} == {"new"}
    assert slow.result().status_code == 200


def test_a_stop_right_after_a_reload_is_as_prompt_as_any(launch: Launch) -> None:
    stack = launch()
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0
    assert not stack.lines("SIGKILL")


def test_a_reload_of_a_broken_application_changes_nothing(launch: Launch, app: Path) -> None:
    stack = launch(app=app, APP_MODULE=MODULE, UWSGI_PROCESSES="2")
    stack.wait_until(lambda: len(stack.lines("WSGI app 0", "ready")) == 2)
    before = stack.processes("uwsgi")
    (app / "faults.py").write_text("import no_such_package\n")
    answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == os.EX_CONFIG
    assert "No module named 'no_such_package'" in answer.stderr
    assert stack.get().text == "old"
    assert stack.processes("uwsgi") == before


def test_a_reload_of_a_broken_configuration_changes_nothing(
    launch: Launch, launcher: str, tmp_path: Path
) -> None:
    conf = conf_with(tmp_path, "server_tokens off;", "server_tokens off; ")
    stack = launch(conf=conf)
    before = stack.processes("nginx")
    if launcher == "host":
        conf = stack.root / "conf"  # type: ignore[attr-defined]
    (conf / "nginx.conf").write_text("broken")
    answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == os.EX_CONFIG
    assert "conf/nginx.conf:1" in answer.stderr
    assert stack.get().status_code == 200
    assert stack.processes("nginx") == before


def test_a_reload_of_nothing_is_refused(launch: Launch) -> None:
    stack = launch(ready=False, ALLOWED="no")
    stack.wait_until_gone()
    if isinstance(stack, ImageStack):
        answer = docker("run", "--rm", stack.image, "reload", check=False)
    else:
        answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == os.EX_CONFIG
    assert "nothing runs" in answer.stderr


def test_a_hangup_reloads_instead_of_stopping_everything(launch: Launch, app: Path) -> None:
    stack = launch(app=app, APP_MODULE=MODULE)
    masters = [stack.processes(name)[0] for name in ("nginx", "uwsgi")]
    text = (app / "faults.py").read_text()
    (app / "faults.py").write_text(text.replace('"old"', '"new"'))
    stack.signal(signal.SIGHUP)
    stack.wait_until(lambda: stack.lines("entrypoint: reloaded"))
    assert stack.get().text == "new"
    assert [stack.processes(name)[0] for name in ("nginx", "uwsgi")] == masters


def renewed(before: list[int], now: list[int]) -> bool:
    """Tell whether the master is the same and no worker is.

    uWSGI's master executes itself again, and bears no name of its own until it is up.
    """
    return now[:1] == before[:1] and not set(before[1:]) & set(now)


@pytest.mark.parametrize("program", ["nginx", "uwsgi"])
def test_a_hangup_of_one_program_is_safe_too(launch: Launch, app: Path, program: str) -> None:
    stack = launch(app=app, APP_MODULE=MODULE)
    (slow,) = background(stack, "/wait/1.0")
    wait_until_busy(stack, 1)
    before = stack.processes(program)
    assert stack.run("supervisorctl", "signal", "HUP", program).returncode == 0
    stack.wait_until(lambda: renewed(before, stack.processes(program)))
    assert good(stack)
    assert slow.result().status_code == 200


def test_supervisors_own_reload_starts_everything_again(launch: Launch) -> None:
    stack = launch()
    before = stack.processes("nginx") + stack.processes("uwsgi")
    assert stack.run("supervisorctl", "reload").returncode == 0
    stack.wait_until(
        lambda: not set(before) & {*stack.processes("nginx"), *stack.processes("uwsgi")}
    )
    stack.wait_until(lambda: stack.answers() and good(stack))
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone(timeout=10) == 0


def test_a_second_start_in_the_same_place_does_no_harm(launch: Launch, launcher: str) -> None:
    stack = launch(ALLOWED="127.0.0.1")
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
