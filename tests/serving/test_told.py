"""What goes wrong with a request is a sentence: which request, which setting, what helps."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from stack.uwsgi.master import Master
from tests.support.background import background
from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

FAULTS = ROOT / "tests/apps/faults"
MODULE = "faults:application"

# What uWSGI calls it.
RIDDLES = re.compile(r"(?<!UWSGI_)HARAKIRI|DAMN|NO MERCY|too fast !!!|upstream")

APPLICATION = """
import ctypes, os, time
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    match environ["PATH_INFO"]:
        case "/exits": os._exit(3)
        case "/works":
            print("at work", flush=True)
            time.sleep(60)
        case "/crashes": ctypes.string_at(0)
        case "/pieces": return pieces()
    return [b"served"]
def pieces():
    for seconds in (0.2, 0.2, 30):
        yield b"x" * 100_000
        time.sleep(seconds)
"""


def told(stack: Stack, *words: str) -> str:
    """Wait for a sentence, and see that there is no riddle beside it."""
    line = stack.says(*words)[0]
    assert "secret" not in line
    for each in stack.log().splitlines():
        assert not RIDDLES.search(each), each
    return line


def test_a_request_that_takes_too_long(launch: Launch) -> None:
    stack = launch(app=FAULTS, APP_MODULE=MODULE, UWSGI_PROCESSES="1", REQUEST_TIMEOUT="1")
    answer = stack.get("/held?secret=1")
    assert answer.status_code == 504
    assert re.search(
        r"WARN 504: GET /held \([0-9a-f]{32}\): ", told(stack, "504:", "REQUEST_TIMEOUT")
    )
    line = told(stack, "was ended and is replaced: GET /held took")
    assert "REQUEST_TIMEOUT allows less; raise it" in line


def test_the_operators_own_limit_is_the_one_that_is_named(launch: Launch) -> None:
    stack = launch(app=FAULTS, APP_MODULE=MODULE, UWSGI_PROCESSES="1", UWSGI_HARAKIRI="1")
    assert stack.get("/held?secret=1").status_code == 503
    told(stack, "was ended and is replaced: GET /held took", "UWSGI_HARAKIRI allows less")
    told(stack, "503: GET /held (", "the worker that had the request ended without an answer")


def test_a_worker_that_is_killed(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text(APPLICATION)
    stack = launch(app=folder, UWSGI_PROCESSES="1")
    (_, worker) = stack.crew("uwsgi", 1)
    (lost,) = background(stack, "/works")
    stack.says("at work")
    os.kill(worker, signal.SIGKILL)
    assert lost.result().status_code == 503
    told(stack, "worker 1 (pid ", ") was killed (SIGKILL) and is replaced")
    told(stack, "503: GET /works (", "the worker that had the request ended")


def test_workers_that_end_again_and_again(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text(APPLICATION)
    stack = launch(app=folder, UWSGI_PROCESSES="1")
    assert stack.get("/crashes?secret=1").status_code == 503
    told(stack, "ended by itself and is replaced", "PYTHONFAULTHANDLER=1", "os._exit()")
    for _ in range(6):
        assert stack.get("/exits?secret=1").status_code == 503
    told(stack, "workers end one after another; the next ones start in 2 s (UWSGI_FORKBOMB_DELAY)")
    # Three are shown; the rest are counted.
    told(stack, "workers died, and were replaced")
    assert len(stack.lines("and is replaced")) < 7


def test_an_answer_whose_next_piece_does_not_come(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text(APPLICATION)
    stack = launch(app=folder, UWSGI_PROCESSES="1", REQUEST_TIMEOUT="1")
    with pytest.raises(OSError, match=r"InvalidChunkLength|IncompleteRead|broken|prematurely"):
        stack.get("/pieces?secret=1")
    line = told(stack, "the answer was cut, because the application took longer for its next piece")
    assert re.search(r"GET /pieces \([0-9a-f]{32}\): ", line)


@pytest.mark.parametrize("preload", ["auto", "0"])
def test_a_request_that_outlasts_a_reload(launch: Launch, folder: Path, preload: str) -> None:
    (folder / "app.py").write_text(APPLICATION)
    stack = launch(
        app=folder,
        UWSGI_PROCESSES="1",
        SHUTDOWN_TIMEOUT="4",
        REQUEST_TIMEOUT="60",
        PRELOAD=preload,
    )
    background(stack, "/works")
    stack.says("at work")
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    if preload == "0":
        told(stack, "worker 1 (pid ", ") was to be replaced, and was ended", "SHUTDOWN_TIMEOUT")
    else:
        told(stack, "still running", "after a reload were cut", "SHUTDOWN_TIMEOUT")


ENDING = b"""Thu Nov 26 09:43:57 2026 - *** HARAKIRI ON WORKER 2 (pid: 7, try: 1, graceful: yes) ***
Thu Nov 26 09:43:57 2026 - HARAKIRI !!! worker 2 status !!!
Thu Nov 26 09:43:57 2026 - HARAKIRI [core 0] 127.0.0.1 - GET /a\x1b?secret since 1764150000
Thu Nov 26 09:43:57 2026 - HARAKIRI [core 1] 127.0.0.1 - POST /b since 1764150001
Thu Nov 26 09:43:57 2026 - HARAKIRI !!! end of worker 2 status !!!
Thu Nov 26 09:43:57 2026 - HARAKIRI triggered by worker 2 core 0 !!!
DAMN ! worker 2 (pid: 7) died, killed by signal 9 :( trying respawn ...
Respawned uWSGI worker 2 (new pid: 8)
DAMN ! worker 2 (pid: 8) died, killed by signal 9 :( trying respawn ..."""


def test_several_requests_of_a_worker_and_the_next_that_has_its_number() -> None:
    master = Master()
    said = [said for line in ENDING.split(b"\n") if (said := master.read(line))]
    assert [each.kind for each in said] == [b"ended", b"died"]
    assert "(pid 7) was ended and is replaced: GET /a\\x1b and POST /b took " in said[0].text
    assert "(pid 8) was killed (SIGKILL)" in said[1].text


def test_what_is_not_known_is_shown() -> None:
    for line in (b"*** something new ***", b"x" * 5000, b"HARAKIRI: \xff"):
        said = Master().read(line)
        assert said
        assert (said.kind, said.text[:9]) == (b"", line[:9].decode(errors="replace"))
