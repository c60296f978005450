"""As many workers as fit into the memory that there is, with a word about it."""

from __future__ import annotations

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stack.machine import processes
from stack.supervision import workers
from stack.supervision.workers import Workers
from tests.support.image import ImageStack
from tests.support.launching import Plan, begin, prepared
from tests.support.stacks import Stack

MIB = 1 << 20

# In one piece: what an import takes for a moment counts as well.
LARGE = """
BALLAST = b"x" * (100 << 20)


def app(environ, start_response):
    start_response("200 OK", [])
    return [str(len(BALLAST)).encode()]
"""

# Of many small objects: Python writes to each of them when a worker ends, which then has a copy.
OF_SMALL_OBJECTS = """
OBJECTS = [[number] for number in range(600_000)]


def app(environ, start_response):
    start_response("200 OK", [])
    return [str(len(OBJECTS)).encode()]
"""


def statuses(stack: Stack, enough: threading.Event) -> set[int]:
    """Ask again and again, and give the statuses of all answers."""
    found = set()
    while not enough.is_set():
        found.add(stack.get().status_code)
    return found


def limited(
    image: str, folder: Path, memory: str, app: Path | None = None, **settings: str
) -> ImageStack:
    """Start the image with so much memory, and no swap, and as many workers as it finds right."""
    options = (f"--memory={memory}", f"--memory-swap={memory}", "--cpus=2")
    stack = begin(prepared("image", Plan(settings, app, options=options), folder, image))
    assert isinstance(stack, ImageStack)
    return stack


def test_a_large_application_gets_as_many_workers_as_fit(
    image: str, tmp_path: Path, folder: Path
) -> None:
    (folder / "app.py").write_text(LARGE)
    stack = limited(image, tmp_path, "256m", folder, PRELOAD="0")
    try:
        (said,) = stack.says("a worker takes ")
        assert "the limit of 256 MiB has room for 1 of " in said
        assert not stack.lines("out of memory")
        # There is no room to try new code beside it: the trial ends, and not the worker.
        before = stack.crew("uwsgi", 1)
        answer = stack.run("reload")
        assert answer.returncode == os.EX_CONFIG
        assert "for want of memory; raise the limit" in answer.stderr
        assert stack.get().text == str(100 * MIB)
        assert stack.crew("uwsgi", 1) == before
    finally:
        stack.close()


def test_a_large_application_that_is_imported_once_gets_all_its_workers(
    image: str, tmp_path: Path, folder: Path
) -> None:
    (folder / "app.py").write_text(LARGE)
    stack = limited(image, tmp_path, "256m", folder)
    try:
        stack.says("has no room for a reload")
        assert not stack.lines("out of memory")
        wanted = int(re.findall(r"UWSGI_PROCESSES = (\d+)", stack.run("check").stdout)[0])
        before = stack.crew("uwsgi", wanted)
        # It is known before anything is tried.
        answer = stack.run("reload")
        assert answer.returncode == os.EX_CONFIG
        assert "start the container anew" in answer.stderr
        assert stack.get().text == str(100 * MIB)
        assert stack.crew("uwsgi", wanted) == before
        assert not stack.lines("out of memory")
    finally:
        stack.close()


def test_where_all_fit_all_are_started_also_after_uwsgi_began_again(
    image: str, tmp_path: Path
) -> None:
    stack = limited(image, tmp_path, "512m")
    try:
        wanted = int(re.findall(r"UWSGI_PROCESSES = (\d+)", stack.run("check").stdout)[0])
        before = stack.crew("uwsgi", wanted)
        assert not stack.lines("a worker takes ")
        assert stack.run("supervisorctl", "signal", "HUP", "uwsgi").returncode == 0
        stack.wait_until(lambda: not {*before[1:]} & {*stack.processes("uwsgi")})
        assert stack.crew("uwsgi", wanted)[0] == before[0]
    finally:
        stack.close()


def test_workers_that_end_do_not_take_the_memory_of_those_that_serve(
    image: str, tmp_path: Path, folder: Path
) -> None:
    (folder / "app.py").write_text(OF_SMALL_OBJECTS)
    stack = limited(image, tmp_path, "288m", folder)
    try:
        wanted = int(re.findall(r"UWSGI_PROCESSES = (\d+)", stack.run("check").stdout)[0])
        stack.crew("uwsgi", wanted)
        enough = threading.Event()
        with ThreadPoolExecutor() as pool:
            asked = [pool.submit(statuses, stack, enough) for _ in range(2)]
            try:
                answers = [stack.run("reload") for _ in range(2)]
            finally:
                enough.set()
            assert [each.result() for each in asked] == [{200}, {200}]
        assert [each.returncode for each in answers] == [0, 0]
        # Those of them that the kernel has killed are not taken for workers that do not fit.
        stack.crew("uwsgi", wanted)
    finally:
        stack.close()


@pytest.fixture
def crew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workers:
    """Four workers of 100 MiB, of which two fit, on a fifo that can be read."""
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setattr(workers, "FIFO", tmp_path / "fifo")
    monkeypatch.setattr(workers, "size", lambda master: 100 * MIB)
    monkeypatch.setattr(workers, "shared", lambda master: 0)
    monkeypatch.setattr(processes, "children", lambda master, title: {1})
    for name, value in {"MEMORY_LIMIT": 400, "WORKERS_ROOM": 350}.items():
        monkeypatch.setenv(name, str(value * MIB))
    monkeypatch.setenv("UWSGI_PROCESSES", "4")
    monkeypatch.setenv("WORKERS_STAGED", "1")
    return Workers()


def test_uwsgi_is_told_how_many_to_start_and_to_end(crew: Workers, tmp_path: Path) -> None:
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    assert crew.measured(1) == (
        "a worker takes 100 MiB, and the limit of 400 MiB has room for 2 of 4; no more are "
        "started, unless you raise it: 587 MiB are room for all"
    )
    assert os.read(reader, 99) == b"+"
    for heard in (None, b"+"):  # there is one still, at two looks
        crew.keep(1)
        assert (os.read(reader, 99) if heard else None) == heard
    assert crew.lower() == "; of 4 workers 1 go on"
    assert crew.lower() == ""
    crew.begin()
    crew.measured(1)
    assert os.read(reader, 99) == b""  # nobody has written
    os.close(reader)


def test_a_number_that_was_asked_for_is_kept_and_warned_of(
    crew: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKERS_STAGED")
    crew = Workers()
    assert crew.measured(1).endswith("; set UWSGI_PROCESSES=2, or raise the limit to 587 MiB")
    assert crew.lower() == ""
