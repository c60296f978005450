"""What an application or a folder should not hold: it costs nothing, or a start that says why."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.launching import Launch

# Prints what is no UTF-8 when it is imported.
APP = """\
import os

os.write(1, b"caf\\xe9\\n")


def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


def test_what_the_application_prints_and_leaves_does_no_harm(launch: Launch, folder: Path) -> None:
    (folder / "wsgi.py").write_text(APP)
    for name in ("requirements.txt", ".flaskenv", ".env", "other.py"):
        os.mkfifo(folder / name)
    stack = launch(alarms=True, app=folder, UWSGI_PROCESSES="1")
    assert stack.get("/").text == "ok"
    assert stack.run("./entrypoint.py", "check").returncode == 0
    assert stack.run("./entrypoint.py", "app", "true").returncode == 0
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    # The first process of a container waits for nobody who could write to a pipe of this name.
    stack.run("sh", "-c", "rm -f run/uwsgi/refusal; mkfifo run/uwsgi/refusal")
    os.kill(stack.crew("uwsgi", 1)[0], signal.SIGKILL)
    stack.wait_until(lambda: stack.get("/").status_code == 200)


@pytest.mark.parametrize("kind", ["dangling link", "loop", "device", "no text"])
def test_a_file_of_nginx_that_cannot_be_read_is_named(
    launch: Launch, conf: Path, kind: str
) -> None:
    file = conf / "server.d/own.conf"
    match kind:
        case "dangling link":
            file.symlink_to("/nowhere")
        case "loop":
            file.symlink_to("own.conf")
        case "device":
            file.symlink_to("/dev/zero")
        case "no text":
            file.write_bytes(b"\xff\xfe\0{")
    (conf / "server.d/not-read.bak").symlink_to("/nowhere")
    stack = launch(ready=False, alarms=True, conf=conf)
    assert stack.wait_until_gone() == 78, stack.log()
    assert stack.lines("conf/server.d/own.conf"), stack.log()
    assert "Traceback" not in stack.log()


def test_a_program_that_cannot_be_started_ends_all_with_1(launch: Launch, folder: Path) -> None:
    (folder / "wsgi.py").write_text(APP)
    (folder / "env").write_text("the first on the PATH, and no program")
    stack = launch(ready=False, alarms=True, app=folder, PATH="app:/usr/bin:/bin")
    assert stack.wait_until_gone() == 1, stack.log()
    assert stack.lines("entrypoint: error: nginx gave up"), stack.log()
