"""A client that ALLOWED does not contain gets 403, whatever it sends, and reaches nothing."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.support import raw
from tests.support.attacks import (
    ALLOWED,
    DENIED,
    HALVES,
    HEALTH,
    HEALTH_PATH,
    NO_REQUEST,
    NO_REQUESTS,
    REQUESTS,
    paths,
)
from tests.support.launching import Launch, Plan, begin, prepared
from tests.support.raw import get, with_body
from tests.support.stacks import ALARMS, ROOT, Stack

SETTINGS = {
    "APP_MODULE": "counter:application",
    "HEALTH_PATH": HEALTH_PATH,
    "ALLOWED": ALLOWED,
}
# Long enough to be rendered in another form, with a proxy that is believed, another one, and with
# all that nginx answers itself.
MANY = ";".join([*(f"10.0.{i >> 8}.{i & 255}" for i in range(5000)), ALLOWED])
MORE = {
    **SETTINGS,
    "ALLOWED": MANY,
    "TRUSTED_PROXIES": "127.0.0.3",
    "RESPONSE_CACHE": "on",
    "STATIC_PATH": "app",
    "STATIC_URL": "/files/",
}
VARIANTS = {
    "host": SETTINGS,
    "host, long list, proxy, files, cache": MORE,
    "image": SETTINGS,
    "image, long list, proxy, files, cache": MORE,
}


@pytest.fixture(scope="module", params=VARIANTS)
def guarded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Run a stack that allows 127.0.0.1, with an application that notes what reaches it."""
    plan = Plan(VARIANTS[request.param], ROOT / "tests/apps/counter")
    launcher = request.param.partition(",")[0]
    folder = tmp_path_factory.mktemp("guarded")
    stack = begin(prepared(launcher, plan, folder, str(request.config.getoption("--image"))))
    yield stack
    log = stack.log()
    stack.close()
    assert not ALARMS.search(log), log


def send(stack: Stack, data: bytes, client: str = DENIED, **options: Any) -> bytes:
    """Send bytes, from a denied address if no other is given."""
    return raw.send(stack, data, client, **options)


def statuses(answer: bytes) -> set[int]:
    """Find the statuses of all answers in what came over a connection."""
    return {*raw.statuses(answer)}


def reached(stack: Stack) -> list[list[str]]:
    """List the requests that reached the application, but for health checks and for this one."""
    notes = stack.get("/count", ALLOWED).text.splitlines()
    ours = ([ALLOWED, "GET", HEALTH_PATH], [ALLOWED, "GET", "/count"])
    return [note for note in map(noted, notes) if note not in ours]


@cache
def noted(line: str) -> list[str]:
    """Read a note once: there are hundreds, and each test asks for all of them."""
    return list(json.loads(line))


@pytest.mark.parametrize("name", REQUESTS)
def test_a_denied_client_gets_403_and_does_not_reach_the_application(
    guarded: Stack, name: str
) -> None:
    before = reached(guarded)
    answer = send(guarded, REQUESTS[name])
    assert statuses(answer) == {403}
    assert b"Reached" not in answer
    assert reached(guarded) == before


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_from_an_allowed_client_does_reach_it(guarded: Stack, name: str) -> None:
    before = reached(guarded)
    # With a cache nginx itself compares this with the answer, which has no ETag.
    right = {200, 412} if name == "If-Match: x" else {200}
    assert right & statuses(send(guarded, REQUESTS[name], client=ALLOWED))
    assert len(reached(guarded)) > len(before) or "/count" in name or HEALTH_PATH in name


@pytest.mark.parametrize("name", NO_REQUESTS)
def test_what_is_no_request_does_not_reach_it_either(guarded: Stack, name: str) -> None:
    before = reached(guarded)
    answer = send(guarded, NO_REQUESTS[name])
    assert statuses(answer) <= NO_REQUEST
    assert b"Reached" not in answer
    assert reached(guarded) == before


@pytest.mark.parametrize("name", HALVES)
def test_half_a_request_does_not_reach_it_either(guarded: Stack, name: str) -> None:
    before = reached(guarded)
    answer = send(guarded, HALVES[name], all_of_it=False)
    assert statuses(answer) <= NO_REQUEST
    assert b"Reached" not in answer
    assert reached(guarded) == before


def test_a_request_without_a_version_is_denied_without_one(guarded: Stack) -> None:
    before = reached(guarded)
    assert b"<h1>403 Forbidden</h1>" in send(guarded, b"GET /\r\n")
    assert reached(guarded) == before
    assert send(guarded, b"GET /\r\n", client=ALLOWED) == b"the application\n"


def test_nobody_waits_to_be_denied_for_a_body(guarded: Stack) -> None:
    request = with_body("Content-Length: 5", "").replace(b"Connection: close", b"X: x")
    with raw.connect(guarded, DENIED) as connection:
        connection.sendall(request)
        assert connection.recv(1000).startswith(b"HTTP/1.1 403 ")


# Twice what CLIENT_MAX_BODY_SIZE allows, of which an allowed client would be told with 413.
TOO_LONG = {
    "a length": "Content-Length: 2000000\r\n\r\n",
    "a length and a question": "Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n",
    "no length of this world": "Content-Length: 999999999999999\r\n\r\n",
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_nothing_else_is_looked_at_before_the_list(guarded: Stack, name: str) -> None:
    request = f"POST / HTTP/1.1\r\nHost: test\r\n{TOO_LONG[name]}".encode()
    for client, status in ((DENIED, 403), (ALLOWED, 413)):
        with raw.connect(guarded, client) as connection:
            connection.sendall(request)
            assert raw.statuses(connection.recv(1000)) == [status]
    assert raw.statuses(send(guarded, get(headers="Host: a!b"))) == [403]
    assert raw.statuses(send(guarded, get(headers="Host: a!b"), client=ALLOWED)) == [400]


def test_an_endless_body_of_a_denied_client_is_not_read_for_long(guarded: Stack) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    pause = threading.Event()  # as fast as it can, it takes both CPUs from all other tests
    with raw.connect(guarded, DENIED) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert raw.statuses(connection.recv(1000)) == [403]
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 25:
                connection.sendall(chunk)
                pause.wait(0.002)
        assert time.monotonic() - began < 15


def test_an_address_of_the_other_family_is_denied(guarded: Stack) -> None:
    before = reached(guarded)
    assert statuses(send(guarded, get(), client="::1", server="::1")) == {403}
    assert reached(guarded) == before


def test_while_the_application_is_away_a_denied_client_still_gets_403(launch: Launch) -> None:
    stack = launch(app=ROOT / "tests/apps/counter", **SETTINGS)
    stack.run("supervisorctl", "stop", "uwsgi")
    assert statuses(send(stack, get(), client=ALLOWED)) == {503}
    for path in paths():
        assert statuses(send(stack, get(path))) == {403}, path


@pytest.mark.parametrize("client", [ALLOWED, DENIED])
def test_the_health_checks_address_serves_four_paths_and_nothing_else(
    guarded: Stack, client: str
) -> None:
    before = reached(guarded)
    known = {"/alive": 204, "/ready": 200, "/metrics": 200, "/connections": 200}
    spellings = {"/ready": {"/ready", *SAME_AS_READY}} | {
        path: {path} for path in ("/alive", "/metrics", "/connections")
    }
    for path in paths():
        same = next((one for one, others in spellings.items() if path in others), None)
        status = statuses(send(guarded, get(path), client, server=HEALTH))
        assert status == {known[same] if same else 404}, path
    assert {note[2] for note in reached(guarded)[len(before) :]} <= {HEALTH_PATH}


# To HTTP these are all the same path.
SAME_AS_READY = {
    *("//ready", "///ready", "/./ready", "/x/../ready", "/%2e/ready", "/x/%2e%2e/ready"),
    *("/%2fready", "/r%65ady", "/ready?x=1", "/ready#x"),
}


def test_the_health_checks_address_is_not_reached_by_its_name(guarded: Stack) -> None:
    before = reached(guarded)
    names = (HEALTH, f"{HEALTH}:{guarded.port}", "localhost")
    for path in ("/ready", "/alive"):
        requests = [get(path, f"Host: {name}") for name in names]
        requests += [get(f"http://{name}{path}") for name in names]
        for request in requests:
            assert statuses(send(guarded, request)) == {403}, request
    assert reached(guarded) == before
    # An allowed client gets the application's own page there.
    send(guarded, get("/ready", f"Host: {HEALTH}:{guarded.port}"), client=ALLOWED)
    assert reached(guarded) == [*before, [ALLOWED, "GET", "/ready"]]


def test_only_loopback_can_reach_the_health_checks_address(guarded: Stack) -> None:
    ours = {f"{HEALTH}:{guarded.port}"}
    conf = guarded.run("cat", "run/health.conf").stdout
    assert set(re.findall(r"listen (\S+);", conf)) == ours
