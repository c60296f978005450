"""The health check: what counts, and the line that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack import health
from tests.support.launching import Launch

# Answers each path that is a number with that status.
APPLICATION = """
def app(environ, start_response):
    status = environ["PATH_INFO"].strip("/")
    start_response(f"{status or 404} x", [])
    return [b""]
"""


@pytest.mark.parametrize(
    ("status", "path", "judged", "line"),
    [
        (200, "", 0, "healthy: / was answered with 200"),
        (404, "", 0, "healthy: / was answered with 404"),
        (500, "", 1, "unhealthy: / was answered with 500"),
        (302, "/up", 0, "healthy: HEALTH_PATH, /up, was answered with 302"),
        (404, "/up", 1, "unhealthy: HEALTH_PATH, /up, was answered with 404"),
        (504, "/up", 1, "unhealthy: HEALTH_PATH, /up, was answered with 504: the application took "
         "longer than 3 s"),
    ],
)  # fmt: skip
def test_an_answer_is_judged_and_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: int,
    path: str,
    judged: int,
    line: str,
) -> None:
    monkeypatch.setattr(health, "answer", lambda root, asked: (status, "", path))
    assert health.healthy("/nowhere") == judged
    assert capsys.readouterr().out == f"{line}\n"


def test_a_page_that_was_named_has_to_be_there(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text(APPLICATION)
    stack = launch(app=folder, HEALTH_PATH="/404")
    answer = stack.run("./entrypoint.py", "healthy")
    assert answer.stdout == "unhealthy: HEALTH_PATH, /404, was answered with 404\n"
    assert answer.returncode == 1
    answer = stack.run("./entrypoint.py", "alive")
    assert (answer.returncode, answer.stdout) == (0, "alive: nginx answers\n")


def test_one_that_was_not_named_need_not_be(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text(APPLICATION)
    stack = launch(app=folder)
    answer = stack.run("./entrypoint.py", "healthy")
    assert (answer.returncode, answer.stdout) == (0, "healthy: / was answered with 404\n")
    assert stack.run("supervisorctl", "stop", "nginx").returncode == 0
    answer = stack.run("./entrypoint.py", "healthy")
    assert answer.returncode == 1
    where = f"nginx gives no answer on 127.255.255.254:{stack.port} "
    assert answer.stdout.startswith(f"unhealthy: {where}(")
    answer = stack.run("./entrypoint.py", "alive")
    assert answer.stdout.startswith(f"not alive: {where}(")
