"""An answer that breaks off looks broken off, to every client and to the cache."""

from __future__ import annotations

import re

import pytest
import requests

from tests.support import raw
from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

APP = ROOT / "tests/apps/answers"

# Some are killed: there are others then.
SETTINGS = {"APP_MODULE": "answers:application", "UWSGI_PROCESSES": "6", "REQUEST_TIMEOUT": "3"}

KINDS = {
    "stream": "",
    "stream that is passed on at once": "?X-Accel-Buffering=no",
    "answer of a known length": "?Content-Length=1000000",
}

# By an exception, by os._exit(), by a signal as for want of memory, and by the time limit.
ENDS = ["fail", "leave", "kill", "hang"]


def whole(answer: bytes) -> bool:
    """Say whether all of the only answer on a connection has come."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if length := re.search(rb"(?i)^content-length: (\d+)", head, re.MULTILINE):
        return len(body) == int(length[1])
    assert b"transfer-encoding: chunked" in head.lower()
    return body.endswith(b"\r\n0\r\n\r\n")


def identity(answer: bytes) -> str:
    """Return the request's id."""
    found = re.search(rb"(?i)^x-request-id: (\w+)", answer, re.MULTILINE)
    assert found
    return found[1].decode()


@pytest.mark.parametrize("end", ENDS)
def test_an_answer_that_breaks_off_is_not_whole(launch_once: Launch, end: str) -> None:
    stack = launch_once(app=APP, alarms=True, **SETTINGS)
    for query in KINDS.values():
        answer = raw.send(stack, raw.get(f"/pieces/3/100000/{end}{query}"))
        assert raw.statuses(answer) == [200]
        assert not whole(answer)
        stack.wait_until(lambda: stack.get().status_code == 200)
        if "Content-Length" not in query:
            # One line says so, beside the access log's.
            told = identity(answer)
            assert stack.wait_until(lambda told=told: stack.lines("error", told))
    compressed = raw.get(f"/pieces/3/100000/{end}", headers="Host: test\r\nAccept-Encoding: gzip")
    answer = raw.send(stack, compressed)
    assert b"content-encoding: gzip" in answer.lower()
    assert not whole(answer)


def test_clients_libraries_see_that_an_answer_breaks_off(launch_once: Launch) -> None:
    stack = launch_once(app=APP, alarms=True, **SETTINGS)
    for query in KINDS.values():
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            stack.get(f"/pieces/3/100000/fail{query}")


def test_a_mistake_before_the_first_byte_is_a_500(launch_once: Launch) -> None:
    stack = launch_once(app=APP, alarms=True, **SETTINGS)
    before = len(stack.lines("ValueError: as asked"))
    # The last ones have given some, of which none has been sent.
    paths = [f"/pieces/0/1/fail{query}" for query in KINDS.values()]
    for path in (*paths, "/pieces/3/10/fail", "/pieces/0/1/exit", "/pieces/3/10/exit"):
        answer = stack.get(path)
        assert (answer.status_code, answer.text) == (500, "Internal Server Error\n")
        assert stack.request("HEAD", path).status_code in (200, 500)
    stack.says("ValueError: as asked", count=before + 3)


def test_an_answer_that_breaks_off_is_never_kept(launch: Launch) -> None:
    # One worker of nginx: it keeps an answer right after it was sent, before it takes a request.
    settings = {**SETTINGS, "NGINX_WORKER_PROCESSES": "1", "RESPONSE_CACHE": "on"}
    stack = launch(app=APP, alarms=True, **settings)
    for end in ("fail", "kill"):
        for path in (f"/pieces/3/100000/{end}", f"/pieces/3/10000/{end}"):
            for query in (
                "?Cache-Control=max-age%3D600",
                "?Cache-Control=max-age%3D600&Content-Length=400000",
            ):
                for _ in range(2):
                    answer = raw.send(stack, raw.get(f"{path}{query}"))
                    assert b"HIT" not in answer
                    assert b" 200 " not in answer[:20] or not whole(answer)
                    stack.wait_until(lambda: stack.get().status_code == 200)
    # What is whole is kept.
    statuses = [stack.get("/pieces/3/10/end?Cache-Control=max-age%3D600") for _ in range(2)]
    assert [each.headers["X-Cache-Status"] for each in statuses] == ["MISS", "HIT"]
    assert statuses[1].text == "x" * 30


SHAPES = [
    "/pieces/3/10/end",
    "/pieces/3/100000/end",
    "/pieces/300/5000/end",
    "/pieces/1/5000000/end",
]


@pytest.mark.parametrize("threads", ["1", "4"])
def test_a_stream_that_ends_well_is_whole(launch_once: Launch, threads: str) -> None:
    settings = {**SETTINGS, "UWSGI_PROCESSES": "2", "UWSGI_THREADS": threads}
    stack = launch_once(app=APP, **settings)
    for path in SHAPES:
        count, size = map(int, path.split("/")[2:4])
        for query in KINDS.values():
            query = query.replace("1000000", str(count * size))
            for headers in ("Host: test", "Host: test\r\nAccept-Encoding: gzip"):
                answer = raw.send(stack, raw.get(path + query, headers=headers))
                assert raw.statuses(answer) == [200]
                assert whole(answer)
            assert stack.get(path + query).content == b"x" * count * size
            head = stack.request("HEAD", path + query)
            assert (head.status_code, head.text) == (200, "")
        old = raw.send(stack, raw.get(path, version=" HTTP/1.0"))
        assert raw.body(old) == b"x" * count * size
    assert stack.run("find", "run/streams", "-type", "s").stdout.count("\n") <= 2 * int(threads)


def test_an_old_client_sees_by_the_length_that_an_answer_breaks_off(launch_once: Launch) -> None:
    stack = launch_once(app=APP, alarms=True, **SETTINGS)
    path = "/pieces/3/100000/fail?Content-Length=1000000"
    answer = raw.send(stack, raw.get(path, version=" HTTP/1.0"))
    assert not whole(answer)


def test_requests_follow_on_a_connection_that_had_a_stream(launch_once: Launch) -> None:
    stack = launch_once(app=APP, **{**SETTINGS, "UWSGI_PROCESSES": "2", "UWSGI_THREADS": "1"})
    with stack.connection("127.0.0.1") as session:
        for _ in range(20):
            for path in SHAPES:
                answer = session.get(f"http://127.0.0.1:{stack.port}{path}?follow", timeout=20)
                assert answer.content
                assert not answer.content.strip(b"x")
    # A stream has two times in the log, its id once.
    piped, plain = (
        stack.says(f"{path}?follow")[0].split()
        for path in ("/pieces/300/5000/end", "/pieces/3/10/end")
    )
    assert len(piped) == len(plain)


def test_what_was_there_is_refused_to_those_who_are_not_allowed(launch: Launch) -> None:
    stack: Stack = launch(app=APP, ALLOWED="127.0.0.1", **SETTINGS)
    for path in ("/pieces/3/100000/end", "/@stream", "/stream"):
        assert stack.get(path, client="127.0.0.2").status_code == 403
    assert stack.get("/@stream").status_code == 404
