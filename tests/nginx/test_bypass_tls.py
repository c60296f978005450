"""With TLS, a client that ALLOWED does not contain gets 403 on both ports, and by HTTP/2 too."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.support import raw
from tests.support.attacks import (
    ALLOWED,
    DENIED,
    FORGED,
    HALVES,
    HEALTH_PATH,
    METHODS,
    NO_REQUEST,
    NO_REQUESTS,
    REQUESTS,
    paths,
)
from tests.support.certificates import Certificates
from tests.support.http2 import Connection
from tests.support.launching import Plan, shared
from tests.support.stacks import ROOT, Stack
from tests.support.wait import HANGS

Send = Callable[[Stack, bytes, str, bool], bytes]


@pytest.fixture(scope="module", params=["host", "image"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Run a stack that allows 127.0.0.1, with an application that notes what reaches it."""
    certificates = Certificates(tmp_path_factory.mktemp("certificates") / "tls")
    certificates.write()
    settings = certificates.settings(
        ALLOWED=ALLOWED, APP_MODULE="counter:application", HEALTH_PATH=HEALTH_PATH
    )
    plan = Plan(settings, ROOT / "tests/apps/counter", files=certificates.folder)
    yield from shared(plan, request, tmp_path_factory)


def by_tls(stack: Stack, data: bytes, client: str, all_of_it: bool = True) -> bytes:
    """Send bytes through TLS, and return all that comes back until the connection is closed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", stack.tls_port), HANGS, (client, 0))
    with context.wrap_socket(plain) as connection:
        try:
            connection.sendall(data)
            if not all_of_it:
                connection.shutdown(socket.SHUT_WR)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            pass  # nginx has answered, and does not wait for the end
        try:
            return raw.rest(connection)
        except ssl.SSLError:  # the connection was closed without a word, or shut down by us
            return b""


def plainly(stack: Stack, data: bytes, client: str, all_of_it: bool = True) -> bytes:
    """Send bytes to the plain port."""
    return raw.send(stack, data, client, all_of_it=all_of_it)


WAYS = {"TLS": by_tls, "plain": plainly}


def reached(stack: Stack) -> int:
    """Count the requests of others than this one and the health check that reached it."""
    notes = map(json.loads, stack.https("/count", ALLOWED).text.splitlines())
    return sum(note[2] not in ("/count", HEALTH_PATH) for note in notes)


@pytest.mark.parametrize("way", WAYS)
def test_a_denied_client_gets_403_whatever_it_asks_for(served: Stack, way: str) -> None:
    before = reached(served)
    got = {
        name: {*raw.statuses(WAYS[way](served, data, DENIED, True))}
        for name, data in REQUESTS.items()
    }
    assert {name: statuses for name, statuses in got.items() if statuses != {403}} == {}
    assert reached(served) == before


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_request_is_answered_by_nginx(served: Stack, way: str) -> None:
    before = reached(served)
    got = {
        name: {*raw.statuses(WAYS[way](served, data, DENIED, whole))}
        for some, whole in ((NO_REQUESTS, True), (HALVES, False))
        for name, data in some.items()
    }
    assert {name: found for name, found in got.items() if not found <= NO_REQUEST} == {}
    assert reached(served) == before


def test_an_allowed_client_reaches_it_by_tls_and_is_redirected_otherwise(served: Stack) -> None:
    kinds = ("path", "method", "a body", "X-", "Host")
    asked = {name: data for name, data in REQUESTS.items() if name.startswith(kinds)}
    for send, right in ((by_tls, {200}), (plainly, {308})):
        got = {
            name: {*raw.statuses(send(served, data, ALLOWED))} - {100}
            for name, data in asked.items()
        }
        assert {name: statuses for name, statuses in got.items() if statuses != right} == {}


def asked_by_http_2() -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """List requests as method, path and headers."""
    plain = [path for path in paths() if path.isascii()]
    yield from (("GET", path, []) for path in plain)
    yield from ((method, "/", []) for method in METHODS)
    for lines in FORGED:
        pairs = [line.partition(":")[::2] for line in lines.split("\r\n")]
        headers = [(name.lower(), value.strip()) for name, value in pairs]
        if not {"connection", "upgrade"} & {name for name, _ in headers}:
            yield "GET", "/", headers


def ask(
    connection: Connection, asked: Iterable[tuple[str, str, list[tuple[str, str]]]]
) -> set[int]:
    """Make requests, all on one connection, and collect the statuses."""
    streams = []
    for method, path, headers in asked:
        hosts = [value for name, value in headers if name == "host"]
        own = {"authority": hosts[0]} if hosts else {}
        rest = [pair for pair in headers if pair[0] != "host"]
        streams.append(connection.send([*connection.head(method, path, **own), *rest]))
        connection.ask(streams[-1:])
    return {answer.status for answer in connection.ask(streams)}


def test_by_http_2_a_denied_client_gets_403_too(served: Stack) -> None:
    before = reached(served)
    with Connection(served.tls_port, DENIED) as connection:
        assert ask(connection, asked_by_http_2()) == {403}
    assert reached(served) == before
    with Connection(served.tls_port, ALLOWED) as connection:
        assert ask(connection, asked_by_http_2()) <= {200, 404}
    assert reached(served) > before


# Headers that no HTTP/2 request has, or that would make two of one for a server behind.
NO_HTTP_2: dict[str, dict[str, str]] = {
    "a path that is none": {"path": "ready"},
    "no path": {"path": ""},
    "a path with a blank": {"path": "/ HTTP/1.1\r\nX: x"},
    "a method with a blank": {"method": "GET / HTTP/1.1\r\n\r\nGET"},
    "CONNECT": {"method": "CONNECT"},
    "a host with a line end": {"authority": "x\r\nX-Forwarded-For: 127.0.0.1"},
    "a scheme that is none": {"scheme": "x y"},
}


@pytest.mark.parametrize("client", [DENIED, ALLOWED])
def test_what_is_no_http_2_reaches_nothing(served: Stack, client: str) -> None:
    before = reached(served)
    for name, pseudo in NO_HTTP_2.items():
        with Connection(served.tls_port, client) as connection:
            (answer,) = connection.ask([connection.send(connection.head(**{
                "method": "GET", "path": "/", **pseudo
            }))])  # fmt: skip
            assert answer.status in {0, *NO_REQUEST}, name
    assert reached(served) == before


def test_nobody_waits_to_be_denied_for_a_body_by_http_2(served: Stack) -> None:
    with Connection(served.tls_port, DENIED) as connection:
        head = [*connection.head("POST", "/"), ("content-length", "5")]
        (answer,) = connection.ask([connection.send(head, ends=False)])
        assert answer.status == 403
