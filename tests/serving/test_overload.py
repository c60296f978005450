"""More than can be served: what fits waits, the rest is told to come back, and nobody hangs."""

from __future__ import annotations

import re
import time
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from stack.application.plan import GRACE
from tests.support import raw
from tests.support.background import background, wait_until_busy
from tests.support.launching import Launch, started_beside
from tests.support.stacks import ROOT, Stack

FAULTS = ROOT / "tests/apps/faults"
MODULE = "faults:application"


def crowded(
    stack: Stack, refused: int, fit: int
) -> tuple[list[requests.Response], list[Future[requests.Response]]]:
    """Ask for an answer that is held back, and wait until so many are refused meanwhile.

    Which of the requests fit is up to nginx's workers.
    """
    asked = background(stack, "/held", times=refused + fit)
    stack.wait_until(lambda: sum(each.done() for each in asked) >= refused)
    done = [each for each in asked if each.done()]
    return [each.result() for each in done], [each for each in asked if each not in done]


def test_what_fits_is_served_and_the_rest_is_told_to_come_back(
    launch: Launch, faulty: Path
) -> None:
    stack = launch(app=faulty, APP_MODULE=MODULE, UWSGI_PROCESSES="1", MAX_QUEUED_REQUESTS="2")
    refused, fit = crowded(stack, refused=6, fit=3)
    assert {(each.status_code, each.headers["Retry-After"]) for each in refused} == {(503, "1")}
    (faulty / "gate").touch()
    assert [each.result().status_code for each in fit] == [200, 200, 200]
    assert stack.get().status_code == 200


def test_many_refusals_are_a_line_and_a_count(launch: Launch, faulty: Path) -> None:
    stack = launch(app=faulty, APP_MODULE=MODULE, UWSGI_PROCESSES="1", MAX_QUEUED_REQUESTS="1")
    refused, fit = crowded(stack, refused=28, fit=2)
    assert [each.status_code for each in refused] == [503] * 28
    (faulty / "gate").touch()
    assert [each.result().status_code for each in fit] == [200, 200]

    def accounted() -> int:
        found = re.findall(r"(\d+) requests were answered with 503", stack.log())
        shown = len(stack.lines("503: GET /held (", "MAX_QUEUED_REQUESTS", "UWSGI_PROCESSES"))
        return sum(map(int, found)) + shown - len(found)

    # The first is shown at once, and counted with the others when its seconds are over; only if
    # this took longer than they are, there is more than one of each.
    (line,) = stack.says("503: GET /held (")[:1]
    assert re.search(r"\([0-9a-f]{32}\): as many requests as MAX_QUEUED_REQUESTS", line)
    stack.wait_until(lambda: accounted() == 28)
    assert not stack.lines("no live upstreams")


def test_slow_clients_do_not_take_the_places(launch: Launch) -> None:
    stack = launch(app=FAULTS, APP_MODULE=MODULE, UWSGI_PROCESSES="1", MAX_QUEUED_REQUESTS="1")
    slow = (b"POST /received HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", b"GET / HTTP")
    with ExitStack() as connections:
        for number in range(40):
            client = connections.enter_context(raw.connect(stack))
            client.sendall(slow[number % len(slow)])
        wait_until_busy(stack, 40)
        assert stack.get().status_code == 200
        assert stack.run("./entrypoint.py", "healthy").returncode == 0


def test_an_answer_that_takes_too_long_is_a_504_and_its_worker_is_replaced(launch: Launch) -> None:
    stack = launch(app=FAULTS, APP_MODULE=MODULE, UWSGI_PROCESSES="2", REQUEST_TIMEOUT="1")
    before = stack.crew("uwsgi", 2)
    answers = [answer.result() for answer in background(stack, "/held", times=2)]
    assert [answer.status_code for answer in answers] == [504, 504]
    stack.wait_until(lambda: not set(before[1:]) & set(stack.processes("uwsgi")))
    stack.wait_until(lambda: stack.get().status_code == 200)


def test_with_threads_a_worker_is_not_ended_for_one_of_its_requests(launch: Launch) -> None:
    stack = launch(
        app=FAULTS,
        APP_MODULE=MODULE,
        UWSGI_PROCESSES="1",
        UWSGI_THREADS="2",
        REQUEST_TIMEOUT="3",
    )
    worker = stack.get("/worker").text
    (late,) = background(stack, "/held")
    wait_until_busy(stack, 1)
    assert stack.get().status_code == 200
    assert late.result().status_code == 504
    # It still goes on, and so do others, for longer than harakiri would have waited.
    end = time.monotonic() + GRACE + 1
    stack.wait_until(lambda: stack.get().status_code == 200 and time.monotonic() > end)
    assert stack.get("/worker").text == worker


def test_what_the_operator_tells_uwsgi_itself_has_the_last_word(launch: Launch) -> None:
    stack = launch(app=FAULTS, APP_MODULE=MODULE, UWSGI_PROCESSES="2", UWSGI_HARAKIRI="1")
    assert stack.get("/wait/60.0").status_code == 503


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UWSGI_LISTEN", "65535"),
        ("MAX_QUEUED_REQUESTS", "5000"),
        ("NGINX_WORKER_CONNECTIONS", "65536"),
    ],
)
def test_more_than_there_is_room_for_is_refused(stack: Stack, name: str, value: str) -> None:
    answer = started_beside(stack, **{name: value})
    assert answer.returncode == 78
    (line,) = [each for each in answer.stderr.splitlines() if "; lower it" in each]
    assert line.startswith("entrypoint: error:")
    assert name in line
    assert value in line
