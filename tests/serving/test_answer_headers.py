"""Answers with many headers, and what is said when there can be no answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from tests.support import raw
from tests.support.launching import Launch
from tests.support.stacks import ROOT

APP = ROOT / "tests/apps/answers"
SETTINGS = {"APP_MODULE": "answers:application"}


@pytest.mark.parametrize("kind", ["/headers/{}", "/pieces/3/100000/end?X-Large={}"])
def test_an_answer_may_have_64_kb_of_headers(launch_once: Launch, kind: str) -> None:
    stack = launch_once(app=APP, **SETTINGS)
    for size in (3000, 5000, 30_000, 60_000):
        answer = stack.get(f"/headers/{size}")
        assert answer.status_code == 200
        got = sum(len(value) for name, value in answer.headers.items() if name.startswith("X-L"))
        assert got + len(answer.headers["X-Rest"]) == size
    # As many as there can be in a request's line.
    answer = stack.get(f"/pieces/3/100000/end?X-Large={'x' * 7000}")
    assert (answer.status_code, len(answer.headers["X-Large"])) == (200, 7000)


def test_more_headers_than_that_are_a_502_that_says_so(launch_once: Launch) -> None:
    stack = launch_once(app=APP, **SETTINGS)
    for method in ("GET", "HEAD", "POST"):
        answer = stack.request(method, "/headers/70000")
        assert answer.status_code == 502
        assert "Retry-After" not in answer.headers
        told = answer.headers["X-Request-Id"]
        (line,) = stack.wait_until(lambda told=told: stack.lines("error", told))
        assert "65000" in line
        assert any(70_000 < int(word) < 73_000 for word in line.split() if word.isdigit())
    counted = stack.run("cat", "run/tmp/count")
    assert counted.stdout == "x"


def test_only_what_can_be_repeated_is_to_be_repeated(launch: Launch) -> None:
    stack = launch(app=APP, UWSGI_PROCESSES="2", **SETTINGS)
    answer = stack.get("/die")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    stack.wait_until(lambda: stack.get().status_code == 200)
    # It may have been done before the worker died.
    answer = stack.request("POST", "/die")
    assert answer.status_code == 502
    assert "Retry-After" not in answer.headers


def test_what_was_never_handed_over_can_be_repeated(launch: Launch) -> None:
    stack = launch(app=APP, UWSGI_PROCESSES="1", MAX_QUEUED_REQUESTS="1", **SETTINGS)
    with ExitStack() as opened:

        def refused() -> Mapping[str, str]:
            """Take one more place, and post something; return the headers of a 503, or nothing."""
            opened.enter_context(raw.connect(stack)).sendall(raw.get("/pieces/0/1/hang"))
            with suppress(requests.Timeout):
                answer = stack.request("POST", "/headers/1", timeout=2)
                return answer.headers if answer.status_code == 503 else {}
            return {}

        headers = stack.wait_until(refused)
    assert headers["Retry-After"] == "1"


BREAKING = """\
NEXT = "\\r\\nX-Injected: yes"
HEADERS = {
    "value": ("X-A", f"a{NEXT}"),
    "name": (f"X-A{NEXT}\\r\\nX-B", "b"),
    "end": ("X-A", f"a{NEXT}\\r\\n\\r\\n<b>"),
    "feed": ("X-A", "a\\nX-Injected: yes"),
    "NUL": ("X-A", "a\\0b"),
    "internal": ("X-A", "a\\r\\nX-Accel-Redirect: /files/secret.txt"),
}


def application(environ, start_response):
    asked = environ["PATH_INFO"][1:]
    status = f"200 OK{NEXT}" if asked == "status" else "200 OK"
    start_response(status, [HEADERS.get(asked, ("X-A", "a")), ("Content-Length", "2")])
    return [b"ok"] if environ["QUERY_STRING"] else iter([b"ok"])
"""


def test_a_line_end_in_a_header_is_a_500_as_under_gunicorn(launch: Launch, folder: Path) -> None:
    (folder / "wsgi.py").write_text(BREAKING)
    stack = launch(alarms=True, app=folder, UWSGI_PROCESSES="1")
    for path in ("value", "name", "end", "feed", "NUL", "internal", "status"):
        for query in ("", "?a=list"):
            answer = raw.send(stack, raw.get(f"/{path}{query}"))
            assert raw.statuses(answer) == [500], (path, answer)
            assert b"X-Injected" not in answer
    assert stack.get("/").text == "ok"
