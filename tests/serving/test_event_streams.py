"""Events: passed on at once, noticed to be read by nobody, and never in the way for good."""

from __future__ import annotations

import random
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support import raw
from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

APP = ROOT / "tests/apps/answers"
SETTINGS = {"APP_MODULE": "answers:application", "REQUEST_TIMEOUT": "5"}

CLIENTS = 50


@contextmanager
def reader(stack: Stack, path: str) -> Iterator[Iterator[bytes]]:
    """Ask for a stream; give what arrives, as it does, until it is left."""
    with raw.connect(stack) as connection:
        connection.sendall(raw.get(path))
        yield iter(lambda: connection.recv(65536), b"")


def arrives(pieces: Iterator[bytes], text: str) -> bool:
    """Read on until a text has arrived."""
    return any(text.encode() in piece for piece in pieces)


PASSED_ON = {
    "/events?pause=1": "data: 2",
    "/slow/60/1.0?X-Accel-Buffering=no": "piece 2",
}


@pytest.mark.parametrize("path", PASSED_ON)
def test_what_is_told_arrives_as_it_is_told(launch_once: Launch, path: str) -> None:
    stack = launch_once(app=APP, **SETTINGS)
    began = time.monotonic()
    with reader(stack, path) as pieces:
        assert arrives(pieces, PASSED_ON[path])
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("path", ["/events?pause=0.5", "/slow/9999/0.5"])
def test_a_worker_is_free_at_the_next_event_after_its_client_has_left(
    launch_once: Launch, path: str
) -> None:
    # Else it would be free when it may think no longer.
    settings = {**SETTINGS, "UWSGI_PROCESSES": "1", "REQUEST_TIMEOUT": "30"}
    stack = launch_once(app=APP, **settings)
    worker = stack.get("/worker").text
    for _ in range(3):
        with raw.connect(stack) as connection:
            connection.sendall(raw.get(path))
            if path.startswith("/events"):
                assert connection.recv(1000)
        began = time.monotonic()
        assert stack.get("/worker").text == worker
        assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("processes", "threads"), [("1", "1"), ("1", "2"), ("2", "1"), ("2", "4"), ("4", "2")]
)
def test_clients_that_come_and_go_block_nobody_for_good(
    launch_once: Launch, processes: str, threads: str
) -> None:
    stack = launch_once(app=APP, UWSGI_PROCESSES=processes, UWSGI_THREADS=threads, **SETTINGS)
    chance = random.Random(processes + threads)  # noqa: S311 - the same each time
    paths = ("/events", "/events?pause=0.05", "/slow/9999/0.1", "/blocks/9999", "/file/answers.py")
    here = []
    for number in range(CLIENTS):
        connection = raw.connect(stack)
        connection.sendall(raw.get(paths[number % len(paths)]))
        here.append(connection)
        if len(here) > int(processes) * int(threads):
            here.pop(chance.randrange(len(here))).close()
    for connection in here:
        connection.close()
    # All of their requests are over, each at its next event: the last to come waits for the others.
    assert stack.get().status_code == 200
    for _ in range(20):
        assert stack.get().status_code == 200


def test_events_need_no_more_than_the_time_for_each(launch_once: Launch) -> None:
    stack = launch_once(app=APP, **SETTINGS)
    with reader(stack, "/events?pause=1") as pieces:
        assert arrives(pieces, "data: 9\n")


@pytest.mark.parametrize("threads", ["1", "2"])
def test_endless_streams_end_with_a_reload(launch_once: Launch, threads: str) -> None:
    stack = launch_once(app=APP, UWSGI_PROCESSES="2", UWSGI_THREADS=threads, **SETTINGS)
    with reader(stack, "/events") as one, reader(stack, "/events?pause=0.7") as other:
        assert arrives(one, "data: 1")
        assert arrives(other, "data: 1")
        began = time.monotonic()
        assert stack.run("./entrypoint.py", "reload").returncode == 0
        assert time.monotonic() - began < 40
        for pieces in (one, other):
            assert not re.search(rb"\r\n0\r\n\r\n$", b"".join(pieces))
    assert stack.get().status_code == 200


@pytest.mark.parametrize("threads", ["1", "2"])
def test_endless_streams_end_with_a_stop(launch: Launch, threads: str) -> None:
    settings = {**SETTINGS, "UWSGI_PROCESSES": "2", "UWSGI_THREADS": threads}
    stack = launch(app=APP, SHUTDOWN_TIMEOUT="12", **settings)
    with reader(stack, "/events") as one, reader(stack, "/slow/9999/0.2") as other:
        assert arrives(one, "data: 1")
        began = time.monotonic()
        stack.signal(signal.SIGTERM)
        assert stack.wait_until_gone() == 0
        assert time.monotonic() - began < 24
        for pieces in (one, other):
            assert not re.search(rb"\r\n0\r\n\r\n$", b"".join(pieces))
