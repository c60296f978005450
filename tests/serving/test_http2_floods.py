"""Clients that ask for much by HTTP/2: what they get, and that all others are served."""

from __future__ import annotations

import contextlib
import ssl
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest
from hyperframe.frame import ContinuationFrame, HeadersFrame, RstStreamFrame

from tests.support.certificates import Certificates
from tests.support.http2 import Connection
from tests.support.launching import Plan, shared
from tests.support.stacks import ROOT, Stack

# Two requests are in work at once, and so many wait.
QUEUED = 8
STREAMS = 128  # nginx's limit of each connection


@pytest.fixture(scope="module", params=["host", "image"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Run a stack with few places."""
    certificates = Certificates(tmp_path_factory.mktemp("certificates") / "tls")
    certificates.write()
    settings = certificates.settings(
        APP_MODULE="faults:application",
        UWSGI_PROCESSES="2",
        MAX_QUEUED_REQUESTS=str(QUEUED),
    )
    plan = Plan(settings, ROOT / "tests/apps/faults", files=certificates.folder)
    yield from shared(plan, request, tmp_path_factory)


def is_served(stack: Stack) -> bool:
    """Say whether another client gets an answer of the application's."""
    return stack.https().status_code == 200


def memory(stack: Stack) -> int:
    """Add up the memory of nginx's processes, in bytes."""
    return sum(psutil.Process(pid).memory_info().rss for pid in stack.processes("nginx"))


def test_each_stream_is_a_request_that_waits_for_a_place(served: Stack) -> None:
    with Connection(served.tls_port) as connection:
        answers = connection.ask([connection.get("/wait/1.0") for _ in range(60)])
        found = Counter(answer.status for answer in answers)
        assert found == {200: 2 + QUEUED, 503: 60 - 2 - QUEUED}
        assert {answer.headers.get("retry-after") for answer in answers} == {None, "1"}
    assert is_served(served)


def test_no_connection_has_more_streams_than_its_limit(served: Stack) -> None:
    with Connection(served.tls_port) as connection:
        while not connection.h2.remote_settings.max_concurrent_streams <= STREAMS:
            connection.receive()
        assert connection.h2.remote_settings.max_concurrent_streams == STREAMS


def test_streams_that_are_reset_at_once_do_no_harm(served: Stack) -> None:
    for _ in range(20):
        with Connection(served.tls_port) as connection:
            head = connection.h2.encoder.encode(connection.head("GET", "/"))
            try:
                for stream in range(1, 2001, 2):
                    frames = HeadersFrame(stream, head, flags=["END_HEADERS", "END_STREAM"])
                    reset = RstStreamFrame(stream, 8)
                    connection.socket.sendall(frames.serialize() + reset.serialize())
            except (OSError, ssl.SSLError):
                pass  # nginx has had enough of it
    served.wait_until(lambda: is_served(served))


def test_headers_without_an_end_are_answered_and_take_no_room(served: Stack) -> None:
    before = memory(served)
    with Connection(served.tls_port) as connection:
        stream = connection.get()
        connection.ask([stream])
        head = connection.h2.encoder.encode(connection.head("GET", "/"))
        more = ContinuationFrame(stream + 2, b"\0\1a\x7f\x81\x7d" + b"x" * 16256).serialize()
        with contextlib.suppress(OSError):  # nginx may have had enough of it
            connection.socket.sendall(HeadersFrame(stream + 2, head).serialize())
            for _ in range(4000):
                connection.socket.sendall(more)
        assert is_served(served)
        assert memory(served) - before < 40_000_000
