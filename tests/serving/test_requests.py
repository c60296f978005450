"""Requests of every size and form: served, or turned down with the status that says why."""

from __future__ import annotations

import json
import socket
from hashlib import sha256

import pytest

from tests.support import raw
from tests.support.launching import Plan
from tests.support.raw import body, get, rest, send, statuses, with_body, with_headers
from tests.support.stacks import ROOT, Stack

PLAN = Plan(
    {"APP_MODULE": "bodies:application", "CLIENT_MAX_BODY_SIZE": "4m"}, ROOT / "tests/apps/bodies"
)

CHUNKED = "Transfer-Encoding: chunked"


def status(stack: Stack, data: bytes) -> int:
    """Send one request and return the status of the only answer."""
    (found,) = statuses(send(stack, data))
    return found


def headers(count: int, size: int) -> str:
    """Write this many headers of this many bytes each."""
    return "\r\n".join(f"X-{number:04}: {'x' * (size - 10)}" for number in range(count))


def chunks(data: bytes, size: int) -> bytes:
    """Write a body in chunks."""
    parts = [data[place : place + size] for place in range(0, len(data), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


@pytest.mark.parametrize(
    ("count", "size"), [(1, 8000), (8, 1024), (20, 1024), (3, 7000), (3, 8150), (90, 300)]
)
def test_long_headers_arrive(served: Stack, count: int, size: int) -> None:
    answer = send(served, with_headers(headers(count, size), "/echo/x"))
    assert statuses(answer) == [200]
    arrived = json.loads(body(answer))["headers"]
    assert arrived[f"x-{count - 1:04}"] == "x" * (size - 10)
    assert len([name for name in arrived if name.startswith("x-0")]) == count


def test_the_longest_target_and_the_longest_headers_at_once_are_served(served: Stack) -> None:
    target = f"/echo/{'x' * 8100}"
    assert status(served, with_headers(headers(3, 8150), target)) == 200
    assert status(served, with_headers(headers(3, 8150), f"/echo/x?{'x' * 8100}")) == 200


@pytest.mark.parametrize("size", [8200, 20_000, 100_000])
def test_a_header_that_is_too_long_is_told_so(served: Stack, size: int) -> None:
    assert status(served, with_headers(headers(1, size))) == 400


@pytest.mark.parametrize("size", [1024, 8000])
def test_headers_that_are_too_long_together_are_told_so(served: Stack, size: int) -> None:
    assert status(served, with_headers(headers(40, size))) == 400


@pytest.mark.parametrize("count", [98, 148, 600, 990, 1500])
def test_many_headers_are_served_or_told_that_they_are_too_many(served: Stack, count: int) -> None:
    # Host and Connection make two more.
    assert status(served, with_headers(headers(count, 11))) in {200} if count < 100 else {200, 400}


@pytest.mark.parametrize(("size", "expected"), [(8000, 200), (8200, 414), (100_000, 414)])
def test_a_target_over_the_limit_is_told_so(served: Stack, size: int, expected: int) -> None:
    assert status(served, get(f"/echo/x?{'x' * size}")) == expected


def test_a_body_that_nobody_reads_does_no_harm(served: Stack) -> None:
    with served.connection("127.0.0.1") as session:
        url = f"http://127.0.0.1:{served.port}/no/such/path"
        found = [session.post(url, data=b"x" * 100_000).status_code for _ in range(200)]
    assert found == [404] * 200


@pytest.mark.parametrize("size", [1, 8192, 65_535, 65_536, 65_537, 1_000_000, 4 * 2**20])
def test_a_body_arrives_whole(served: Stack, size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    arrived = served.request("POST", "/digest", data=data[:size]).json()
    assert arrived == {"length": size, "digest": sha256(data[:size]).hexdigest()}


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_body_in_chunks_arrives_whole(served: Stack, size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    request = with_body(CHUNKED, "", "/digest") + chunks(data[:size], 50_000)
    arrived = json.loads(body(send(served, request)))
    assert arrived == {"length": size, "digest": sha256(data[:size]).hexdigest()}


def test_an_application_can_read_a_body_again_and_leave_its_folder(served: Stack) -> None:
    for size in (1, 200_000):
        data = b"x" * size
        answer = served.request("POST", "/twice", data=data).json()
        assert answer == {"same": True, "length": size}
        answer = served.request("POST", "/digest/elsewhere", data=data).json()
        assert answer["length"] == size


def test_a_file_in_a_form_arrives(served: Stack) -> None:
    file = {"file": ("name", b"x" * 700_000)}
    assert served.request("POST", "/form", files=file).json() == {"length": 700_000}


def test_a_body_over_the_limit_is_told_so_before_it_is_sent(served: Stack) -> None:
    for length in (4 * 2**20 + 1, 10**18):
        for more in ("", "\r\nExpect: 100-continue"):
            with raw.connect(served) as connection:
                connection.sendall(with_body(f"Content-Length: {length}{more}", "", "/digest"))
                assert statuses(connection.recv(65536)) == [413]


def test_a_body_in_chunks_over_the_limit_is_told_so_in_the_midst_of_it(served: Stack) -> None:
    request = with_body(CHUNKED, "", "/digest") + chunks(bytes(4 * 2**20 + 1), 50_000)
    assert status(served, request) == 413


def test_who_expects_100_gets_it_and_then_the_answer(served: Stack) -> None:
    waiting = with_body("Expect: 100-continue\r\nContent-Length: 5", "", "/digest")
    with raw.connect(served) as connection:
        connection.sendall(waiting)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        assert json.loads(body(rest(connection)))["length"] == 5


# What two servers could understand differently, and what is no HTTP.
NO_REQUESTS = {
    "a length and chunks": (
        with_body(f"Content-Length: 5\r\n{CHUNKED}", "0\r\n\r\nGET /smuggled HTTP/1.1\r\n"),
        400,
    ),
    "chunks and a length": (with_body(f"{CHUNKED}\r\nContent-Length: 5", "0\r\n\r\n"), 400),
    "two lengths": (with_body("Content-Length: 5\r\nContent-Length: 6", "hello!"), 400),
    "the same length twice": (with_body("Content-Length: 5\r\nContent-Length: 5", "hello"), 400),
    "a list of lengths": (with_body("Content-Length: 5, 5", "hello"), 400),
    "a length with a sign": (with_body("Content-Length: +5", "hello"), 400),
    "a negative length": (with_body("Content-Length: -1", ""), 400),
    "a hexadecimal length": (with_body("Content-Length: 0x5", "hello"), 400),
    "a length beyond all numbers": (with_body(f"Content-Length: {10**30}", ""), 400),
    "a space before the colon": (with_body("Content-Length : 5", "hello"), 400),
    "a folded header": (with_body("X: x\r\n Content-Length: 5", "hello"), 400),
    "a space before the first header": (get(headers=" X: x\r\nHost: test"), 400),
    "a NUL in a header": (with_headers("X: a\0b"), 400),
    "chunks twice": (with_body(f"{CHUNKED}\r\n{CHUNKED}", "0\r\n\r\n"), 400),
    "a length of a chunk that is none": (with_body(CHUNKED, "x\r\n"), 400),
    "a chunk beyond all numbers": (with_body(CHUNKED, f"{'f' * 20}\r\n"), 400),
    "a chunk without its end": (with_body(CHUNKED, "5\r\nhello!0\r\n\r\n"), 400),
    "chunks in HTTP/1.0": (
        with_body(CHUNKED, "0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"),
        400,
    ),
    "an unknown coding": (with_body("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), 501),
    "a coding with a tab": (with_body("Transfer-Encoding: \tchunked\x0b", "0\r\n\r\n"), 501),
    "identity": (with_body("Transfer-Encoding: identity", ""), 501),
    "HTTP/1.1 without Host": (get(headers="X: x"), 400),
    "two Hosts": (get(headers="Host: test\r\nHost: other"), 400),
    "a NUL in the target": (get("/%00"), 400),
    "a way out of the root": (get("/../../etc/passwd"), 400),
    "a method in lower case": (get().replace(b"GET", b"get"), 400),
    "TRACE": (get().replace(b"GET", b"TRACE"), 405),
    "HTTP/2": (get(version=" HTTP/2.0"), 505),
    "TLS": (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\0" * 32, 400),
}


@pytest.mark.parametrize("name", NO_REQUESTS)
def test_what_could_be_understood_differently_is_turned_down(served: Stack, name: str) -> None:
    request, expected = NO_REQUESTS[name]
    answer = send(served, request)
    # Nothing of it is taken for a second request.
    assert statuses(answer) == [expected]
    assert b"smuggled" not in answer


def test_nobody_is_connected_to_another_server(served: Stack) -> None:
    request = b"CONNECT other:80 HTTP/1.1\r\nHost: other:80\r\n\r\n"
    # Debian's nginx 1.22 takes it for a wrong target.
    assert status(served, request) in {400, 405}


def echoed(stack: Stack, request: bytes) -> dict[str, object]:
    """Send a request to what says what arrived."""
    answer = send(stack, request)
    assert statuses(answer) == [200]
    found: dict[str, object] = json.loads(body(answer))
    return found


def test_http_1_0_without_a_host_is_served(served: Stack) -> None:
    answer = send(served, b"GET / HTTP/1.0\r\n\r\n")
    assert (statuses(answer), body(answer)) == ([200], b"here")


def test_the_host_of_an_absolute_target_is_the_one_that_counts(served: Stack) -> None:
    seen = echoed(served, get("http://shop.example/echo/x?y", "Host: test"))
    assert (seen["path"], seen["query"]) == ("x", "y")
    # nginx before 1.29.5 gives the application the header's.
    assert seen["host"] in {"shop.example", "test"}


def test_a_header_with_an_underscore_cannot_be_taken_for_another(served: Stack) -> None:
    seen = echoed(served, get("/echo/x", "Host: test\r\nX_Forwarded_For: 1\r\nX-Other: 2"))
    arrived = seen["headers"]
    assert isinstance(arrived, dict)
    assert "x-forwarded-for" not in arrived
    assert arrived["x-other"] == "2"


def test_a_path_is_decoded_once(served: Stack) -> None:
    assert echoed(served, get("/echo/a%20b/%c3%bc/%2541"))["path"] == "a b/ü/%41"


def test_what_stands_after_a_body_is_the_next_request(served: Stack) -> None:
    post = with_body("Content-Length: 5", "hello", "/echo/1").replace(b"Connection: close\r\n", b"")
    part = with_body(CHUNKED, "5\r\nworld\r\n0\r\n\r\n", "/echo/2")
    answer = send(served, post + part.replace(b"Connection: close\r\n", b"") + get("/echo/3"))
    assert statuses(answer) == [200, 200, 200]
    assert [answer.count(b'"body":"%b"' % text) for text in (b"hello", b"world", b"")] == [1, 1, 1]


def test_an_unread_body_is_not_taken_for_the_next_request(served: Stack) -> None:
    inner = get("/echo/inner").decode()
    post = with_body(f"Content-Length: {len(inner)}", inner, "/no/such/path")
    answer = send(served, post.replace(b"Connection: close\r\n", b"", 1) + get("/"))
    assert statuses(answer) == [404, 200]


@pytest.mark.parametrize("target", ["/", "/blocks/3", "/status/404"])
def test_an_answer_to_head_has_headers_and_no_body(served: Stack, target: str) -> None:
    head = get(target).replace(b"GET", b"HEAD")
    answer = send(served, head.replace(b"Connection: close", b"X: x") + get("/"))
    first, second = answer.split(b"\r\n\r\n")[:2]
    assert b"Content-Length: " in first
    assert second.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("number", [204, 304])
def test_an_answer_that_may_have_no_body_has_none(served: Stack, number: int) -> None:
    first = get(f"/status/{number}").replace(b"Connection: close", b"X: x")
    answer = send(served, first + get("/"))
    assert statuses(answer) == [number, 200]
    assert b"as asked" not in answer


@pytest.mark.parametrize("number", [200, 299, 400, 418, 451, 500, 502, 503, 599])
def test_any_other_status_of_the_application_reaches_the_client(served: Stack, number: int) -> None:
    answer = send(served, get(f"/status/{number}"))
    assert statuses(answer) == [number]
    assert body(answer) == b"as asked"


def test_half_a_request_that_ends_is_no_request(served: Stack) -> None:
    halves = [b"GET / HTTP/1.1\r\nHost: te", with_body("Content-Length: 10", "hello", "/digest")]
    for half in halves:
        with raw.connect(served) as connection:
            connection.sendall(half)
            connection.shutdown(socket.SHUT_WR)
            assert statuses(rest(connection)) in ([], [400])
