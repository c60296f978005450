"""A reload: what changes, what does not, and what happens to requests meanwhile."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.background import background, good, wait_until_busy
from tests.support.image import ImageStack, once
from tests.support.launching import Launch, edit

MODULE = "faults:application"


def test_a_reload_brings_new_code_and_loses_nothing(launch: Launch, faulty: Path) -> None:
    stack = launch(app=faulty, APP_MODULE=MODULE)
    text = (faulty / "faults.py").read_text()
    (faulty / "faults.py").write_text(text.replace('"old"', '"new"'))
    (slow,) = background(stack, "/wait/1.0")
    wait_until_busy(stack, 1)
    answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == 0, answer.stderr
    assert {stack.get().text for _ in range(20)} == {"new"}
    assert slow.result().status_code == 200


def test_a_stop_right_after_a_reload_is_as_prompt_as_any(launch: Launch) -> None:
    # So long that nothing but a signal that is lost makes supervisord use force.
    stack = launch(SHUTDOWN_TIMEOUT="50")
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0
    assert not stack.lines("SIGKILL")


def test_a_reload_of_a_broken_application_changes_nothing(launch: Launch, faulty: Path) -> None:
    stack = launch(app=faulty, APP_MODULE=MODULE, UWSGI_PROCESSES="2")
    before = stack.crew("uwsgi", 2)
    (faulty / "faults.py").write_text("import no_such_package\n")
    answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == os.EX_CONFIG
    assert "No module named 'no_such_package'" in answer.stderr
    assert stack.get().text == "old"
    assert stack.processes("uwsgi") == before


def test_a_reload_of_a_broken_configuration_changes_nothing(
    launch: Launch, launcher: str, conf: Path
) -> None:
    edit(conf, "server_tokens off;", "server_tokens off; ")
    stack = launch(conf=conf, NGINX_WORKER_PROCESSES="2")
    before = stack.crew("nginx", 2)
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
        answer = once(stack.image, "reload", check=False)
    else:
        answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == os.EX_CONFIG
    assert "nothing runs" in answer.stderr


@pytest.mark.parametrize("preload", ["auto", "0"])
def test_a_hangup_reloads_instead_of_stopping_everything(
    launch: Launch, faulty: Path, preload: str
) -> None:
    stack = launch(app=faulty, APP_MODULE=MODULE, PRELOAD=preload)
    # Where workers share what uWSGI's master has imported, new code needs a new one.
    same = ("nginx", "uwsgi") if preload == "0" else ("nginx",)
    masters = [stack.processes(name)[0] for name in same]
    text = (faulty / "faults.py").read_text()
    (faulty / "faults.py").write_text(text.replace('"old"', '"new"'))
    stack.signal(signal.SIGHUP)
    stack.wait_until(lambda: stack.lines("entrypoint: reloaded"))
    assert stack.get().text == "new"
    assert [stack.processes(name)[0] for name in same] == masters


def renewed(before: list[int], now: list[int]) -> bool:
    """Tell whether the master is the same and no worker is.

    uWSGI's master executes itself again, and bears no name of its own until it is up.
    """
    return now[:1] == before[:1] and not set(before[1:]) & set(now)


@pytest.mark.parametrize("program", ["nginx", "uwsgi"])
def test_a_hangup_of_one_program_is_safe_too(launch: Launch, faulty: Path, program: str) -> None:
    stack = launch(app=faulty, APP_MODULE=MODULE, UWSGI_PROCESSES="2", NGINX_WORKER_PROCESSES="2")
    (slow,) = background(stack, "/wait/1.0")
    wait_until_busy(stack, 1)
    before = stack.crew(program, 2)
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
    assert stack.wait_until_gone() == 0
