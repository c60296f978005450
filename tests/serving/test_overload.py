"""More than can be served: what fits waits, the rest is told to come back, and nobody hangs."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

import pytest

from tests.support import raw
from tests.support.background import background, wait_until_busy
from tests.support.launching import Launch
from tests.support.stacks import ROOT

FAULTS = ROOT / "tests/apps/faults"
MODULE = "faults:application"


def test_what_fits_is_served_and_the_rest_is_told_to_come_back(launch: Launch) -> None:
    stack = launch(app=FAULTS, APP_MODULE=MODULE, UWSGI_PROCESSES="1", MAX_QUEUED_REQUESTS="2")
    answers = [answer.result() for answer in background(stack, "/wait/2.0", times=9)]
    assert Counter(answer.status_code for answer in answers) == {200: 3, 503: 6}
    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
    assert all(answer.elapsed.total_seconds() < 2 for answer in refused)
    assert stack.get().status_code == 200


def test_many_refusals_are_a_line_and_a_count(launch: Launch) -> None:
    stack = launch(app=FAULTS, APP_MODULE=MODULE, UWSGI_PROCESSES="1", MAX_QUEUED_REQUESTS="1")
    background(stack, "/wait/2.0", times=30)
    stack.wait_until(lambda: stack.lines("28 requests were answered with 503"))
    assert len(stack.lines("no live upstreams")) == 1


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
    workers = {stack.get("/worker").text for _ in range(20)}
    answers = [answer.result() for answer in background(stack, "/wait/60.0", times=2)]
    assert [answer.status_code for answer in answers] == [504, 504]
    stack.wait_until(lambda: stack.get("/worker").text not in workers)


def test_with_threads_a_worker_is_not_ended_for_one_of_its_requests(launch: Launch) -> None:
    stack = launch(
        app=FAULTS,
        APP_MODULE=MODULE,
        UWSGI_PROCESSES="1",
        UWSGI_THREADS="2",
        REQUEST_TIMEOUT="1",
    )
    worker = stack.get("/worker").text
    late, good = background(stack, "/wait/6.0")[0], background(stack, "/wait/0.5")[0]
    assert (late.result().status_code, good.result().status_code) == (504, 200)
    # As long as the first one goes on, and for as long as harakiri would have taken.
    for _ in range(6):
        assert background(stack, "/wait/0.8")[0].result().status_code == 200
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
def test_more_than_there_is_room_for_is_refused(launch: Launch, name: str, value: str) -> None:
    stack = launch(ready=False, **{name: value})
    assert stack.wait_until_gone() == 78
    assert stack.lines("entrypoint: error:", name, value, "; lower it")
