"""Clients that are slow, or leave: they neither hold up others nor leave anything in the log."""

from __future__ import annotations

import re
import resource
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256

import pytest

from tests.support import raw
from tests.support.launching import Launch, Plan
from tests.support.raw import get, with_body
from tests.support.skips import leave_out
from tests.support.slow import digest, read, slow_reader
from tests.support.stacks import ROOT, Stack

# With a single worker, so that whoever holds it is noticed.
SETTINGS = {"APP_MODULE": "bodies:application", "UWSGI_PROCESSES": "1"}
# A crowd that asks at once is served, one after another.
ROOM = {"CLIENT_MAX_BODY_SIZE": "2m", "MAX_QUEUED_REQUESTS": "2000"}
PLAN = Plan({**SETTINGS, **ROOM}, ROOT / "tests/apps/bodies")

MIB = 2**20
BLOCK = bytes(range(256)) * 256

CROWD = 1000

# What a client that leaves must not be the cause of.
COMPLAINTS = re.compile(r"\[(?:error|crit|alert|emerg)\]|Traceback|[Ee]rror|[Ee]xception")


def dribble(connection: socket.socket, data: bytes) -> bytes:
    """Send one byte a second until the other side gives up; return its answer."""
    for byte in data:
        if select.select([connection], [], [], 1)[0]:
            return raw.rest(connection)
        connection.sendall(bytes([byte]))
    raise AssertionError(f"it was not cut within {len(data)} s")


def stall(connection: socket.socket, data: bytes) -> None:
    """Send something, then do nothing until the connection is reset or closed."""
    connection.sendall(data)
    gone = select.poll()
    gone.register(connection, select.POLLRDHUP)
    assert gone.poll(30_000), "it was not cut within 30 s"


def test_what_is_too_slow_is_cut(served: Stack) -> None:
    def seconds(act: Callable[..., object], data: bytes) -> float:
        with raw.connect(served) as connection:
            began = time.monotonic()
            act(connection, data)
            return time.monotonic() - began

    request = get(headers=f"Host: test\r\nX: {'x' * 100}")
    half = with_body("Content-Length: 100", "half", "/digest")
    slow = [(dribble, request[:60]), (stall, b""), (stall, request[:-1]), (stall, half)]
    with ThreadPoolExecutor(len(slow)) as pool:
        lasted = list(pool.map(lambda each: seconds(*each), slow))
    assert all(5 < each < 20 for each in lasted), lasted


@contextmanager
def crowd(stack: Stack, request: bytes, rest: bytes) -> Iterator[None]:
    """Have a thousand clients send part of a request, and then a byte of the rest each second."""
    over = threading.Event()

    def go_on() -> None:
        for place in range(len(rest)):
            for connection in clients:
                with suppress(ConnectionError):  # cut, if the test takes long
                    connection.sendall(rest[place : place + 1])
            if over.wait(1):
                return

    with ExitStack() as opened:
        clients = [opened.enter_context(slow_reader(stack)) for _ in range(CROWD)]
        for client in clients:
            client.sendall(request)
        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Have enough of them for a crowd."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < 2 * CROWD:
        leave_out(f"a crowd needs {2 * CROWD} descriptors, and {before[1]} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 2 * CROWD), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


CROWDS = {
    "headers": (b"GET / HTTP/1.1\r\nHost: test\r\nX: ", b"x" * 60),
    "bodies": (with_body("Content-Length: 1000", "x", "/digest"), b"x" * 60),
    "bodies that are stored": (with_body("Content-Length: 100000", "x" * 40000, "/digest"), b"x"),
    "answers": (get("/blocks/4"), b""),
}


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize("kind", CROWDS)
def test_a_thousand_slow_clients_do_not_keep_others_from_being_served(
    served: Stack, kind: str
) -> None:
    with crowd(served, *CROWDS[kind]):
        # Behind the crowd's answers, where it has asked for some: to make them takes its time.
        assert served.get().status_code == 200
        for _ in range(50):
            began = time.monotonic()
            assert served.get().status_code == 200
            assert time.monotonic() - began < 5


def test_a_large_answer_to_a_slow_client_arrives_whole_and_holds_no_worker(served: Stack) -> None:
    with slow_reader(served) as connection:
        connection.sendall(get("/blocks/800"))
        begun = connection.recv(1000)
        # The only worker is free, and the client has hardly begun.
        began = time.monotonic()
        assert served.get().status_code == 200
        assert time.monotonic() - began < 5
        # So slow that it is long until the kernel has room again for what nginx has to send.
        begun += read(connection, 100_000, until=16)
        assert digest(begun + read(connection, 20 * MIB)) == sha256(BLOCK * 800).hexdigest()
    served.wait_until(lambda: served.run("find", "run/uwsgi_temp", "-type", "f").stdout == "")


def test_an_answer_beyond_what_is_stored_arrives_whole_as_well(served: Stack) -> None:
    with slow_reader(served) as connection:
        connection.sendall(get("/blocks/1600"))
        assert digest(read(connection, 20 * MIB)) == sha256(BLOCK * 1600).hexdigest()


def test_an_answer_larger_than_run_arrives_whole_as_well(launch: Launch) -> None:
    stack = launch(app=PLAN.app, room="32m", **SETTINGS)
    with slow_reader(stack) as connection:
        connection.sendall(get("/blocks/800"))
        assert digest(read(connection, 20 * MIB)) == sha256(BLOCK * 800).hexdigest()


def leave_while_waiting(stack: Stack, request: bytes) -> None:
    """Send a request and leave as soon as it has been sent."""
    with raw.connect(stack) as connection:
        connection.sendall(request)


def leave_while_reading(stack: Stack, path: str) -> None:
    """Leave after the first bytes of the answer."""
    with slow_reader(stack) as connection:
        connection.sendall(get(path))
        assert connection.recv(1000)


LENGTH = "Content-Length: 1500000"
LEAVING: dict[str, Callable[[Stack], None]] = {
    "waiting": lambda stack: leave_while_waiting(stack, get("/wait/0.5")),
    "waiting, after an upload": lambda stack: leave_while_waiting(
        stack, with_body(LENGTH, "x" * 1_500_000, "/wait/0.5")
    ),
    "waiting for its turn, after an upload": lambda stack: leave_while_waiting(
        stack, with_body(LENGTH, "x" * 1_500_000, "/digest")
    ),
    "uploading": lambda stack: leave_while_waiting(
        stack, with_body(LENGTH, "x" * 500_000, "/digest")
    ),
    "uploading in chunks": lambda stack: leave_while_waiting(
        stack, with_body("Transfer-Encoding: chunked", f"ffff\r\n{'x' * 1000}", "/digest")
    ),
    "sending headers": lambda stack: leave_while_waiting(stack, b"GET / HTTP/1.1\r\nHost"),
    "reading": lambda stack: leave_while_reading(stack, "/blocks/1600"),
    "reading without end": lambda stack: leave_while_reading(stack, "/endless"),
}


def test_a_client_that_leaves_is_not_worth_a_line(served: Stack) -> None:
    before = len(served.log().splitlines())
    for leave in LEAVING.values():
        leave(served)
    # The only worker is done with all of them.
    assert served.get().status_code == 200
    assert served.request("POST", "/digest", data=b"x" * 100_000).json()["length"] == 100_000
    served.wait_until(lambda: served.run("find", "run/client_body", "-type", "f").stdout == "")
    said = served.log().splitlines()[before:]
    assert [line for line in said if COMPLAINTS.search(line)] == []
