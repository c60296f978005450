"""Applications that do more than answer: files, streams, threads, programs, databases."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from tests.support.launching import Launch
from tests.support.stacks import ROOT

APPS = ROOT / "tests/apps"


def test_uploads_arrive_whole(launch: Launch) -> None:
    stack = launch(app=APPS / "uploads", CLIENT_MAX_BODY_SIZE="20m")
    content = os.urandom(5_000_000)
    answer = stack.request(
        "POST", "/", files={"file": ("a file.bin", content)}, data={"about": "nothing"}
    )
    digest = hashlib.sha256(content).hexdigest()
    assert answer.json() == {"name": "a file.bin", "sha256": digest, "about": "nothing"}


def test_generators_are_sent_to_their_end(launch: Launch) -> None:
    stack = launch(app=APPS / "streaming")
    text = stack.get().text
    assert text == "".join(f"line {number}\n" for number in range(100_000))


def test_a_stream_that_asks_for_it_is_not_held_back(launch: Launch, folder: Path) -> None:
    shutil.copy(APPS / "streaming/main.py", folder)
    stack = launch(app=folder)
    with stack.get("/events", stream=True) as answer:
        pieces = answer.iter_content(None)
        assert next(pieces) == b"data: first\n\n"
        # The application has no more until it is told that this has arrived.
        (folder / "gate").touch()
        assert next(pieces) == b"data: second\n\n"


def test_threads_run(launch_once: Launch) -> None:
    stack = launch_once(app=APPS / "threads", UWSGI_PROCESSES="1")
    before = int(stack.get("/beats").text)
    stack.wait_until(lambda: int(stack.get("/beats").text) > before + 3)
    assert stack.get("/pool").text == "49"


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_processes_can_be_started(launch_once: Launch, method: str) -> None:
    stack = launch_once(app=APPS / "threads", UWSGI_PROCESSES="1")
    if method == "forkserver" and stack.launcher == "host":
        return  # its socket, below TMPDIR, would have too long a path in pytest's folder
    assert stack.get(f"/processes/{method}").text == "285"


def test_programs_are_run_and_reaped(launch_once: Launch) -> None:
    stack = launch_once(app=APPS / "threads", UWSGI_PROCESSES="1")
    assert stack.get("/program").text == "done\n"
    code = (
        "import pathlib\nfor each in pathlib.Path('/proc').glob('[0-9]*/stat'):\n"
        " name, _, rest = each.read_text().rpartition(')')\n"
        " print(name.partition('(')[2], rest.split()[0])"
    )
    if stack.launcher == "image":  # on a host an orphan is the host's

        def left() -> bool:
            said = stack.run("python3", "-c", code).stdout
            return "sleep" in said or " Z" in said

        stack.wait_until(lambda: not left())
    assert stack.get().text == "ready"


def test_a_database_opened_at_the_import_survives_the_fork(launch: Launch) -> None:
    stack = launch(app=APPS / "notes", APP_MODULE="notes:app")
    assert stack.says("the database is at version 2")
    texts = [f"note {number}" for number in range(20)]
    for text in texts:
        assert stack.request("POST", "/", data={"text": text}).status_code == 201
    assert stack.get().json() == texts


RAISES = """
def application(environ, start_response):
    if environ["PATH_INFO"] == "/":
        start_response("204 No Content", [])
        return []
    raise RuntimeError("in the application")
"""


def test_an_application_that_raises_is_a_500_and_in_the_log(launch: Launch, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "app").mkdir()
    (tmp_path / "app/wsgi.py").write_text(RAISES)
    stack = launch(alarms=True, app=tmp_path / "app", UWSGI_PROCESSES="1")
    assert [stack.get(path).status_code for path in ("/fails", "/")] == [500, 204]
    stack.wait_until(lambda: stack.lines("RuntimeError: in the application"))
    assert not stack.lines("stack/")
