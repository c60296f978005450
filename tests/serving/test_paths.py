"""The path is the client's: what the application is given of a target, as gunicorn gives it."""

from __future__ import annotations

import http.client
import json
import random
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.support import raw
from tests.support.counterpart import gunicorn
from tests.support.launching import Launch, Plan
from tests.support.stacks import ROOT, Stack

APP = ROOT / "tests/apps/asked"
PLAN = Plan(
    {"APP_MODULE": "asked:application", "ALLOWED": "127.0.0.1;::1", "STATIC_PATH": "app"}, APP
)

SEEN = ("PATH_INFO", "QUERY_STRING", "SCRIPT_NAME", "RAW_URI")
Answer = dict[str, str] | int


@pytest.fixture(scope="module")
def counterpart() -> Iterator[int]:
    """The port of a gunicorn with the same application."""
    with gunicorn("asked:application", APP) as port:
        yield port


def ask(port: int, target: str, method: str = "GET") -> Answer:
    """Ask for a target as it stands: what of it the application saw, or a status of the server."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, target)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200 or answer.headers["Content-Type"] != "application/json":
        return answer.status
    seen = json.loads(body)
    return {name: seen[name] for name in SEEN}


SEGMENTS = (
    *("", "", ".", "..", "...", "a", "B", "b.", ".c", "a.b", "x y".replace(" ", "%20"), "http:"),
    *("%2e", "%2E%2e", "%2F", "%2f%2f", "%2f..", "%c3%a9", "%ff", "%25", "%2541", "%3f", "%23"),
    *("%0a", "%7f", "%5c", "\\", ";v=1", "+", "~", "@:", "[x]", "$&'()*,=!", "a|b^`{}", '"<>"'),
)
ENDS = (
    *("", "", "", "/", "?", "??", "?a=b&c", "?a?b", "?//..//", "?%ff%2F", "?%zz", "?a+b%20c"),
    *("#x", "?a#x", "#x?a", "?#"),
)


def targets(seed: int, count: int) -> list[str]:
    """Make up targets of every kind that clients could send."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    return [
        "/" + "/".join(chance.choices(SEGMENTS, k=chance.randint(0, 6))) + chance.choice(ENDS)
        for _ in range(count)
    ]


def climbs(target: str) -> bool:
    """Say whether a target leaves the root at any point."""
    depth = 0
    for segment in unquote(target.partition("?")[0].partition("#")[0]).split("/"):
        depth += {"": 0, ".": 0, "..": -1}.get(segment, 1)
        if depth < 0:
            return True
    return False


def test_any_path_and_query_arrives_as_it_does_under_gunicorn(
    served: Stack, counterpart: int
) -> None:
    asked = targets(seed=12, count=500)
    found = [(each, ask(served.port, each), ask(counterpart, each)) for each in asked]
    # The one difference that these can have (docs/requests.md).
    same = [each for each in found if not climbs(each[0])]
    assert [each for each in same if each[1] != each[2]] == []
    assert all(isinstance(ours, dict) for _, ours, _ in same)
    outside = [ours for target, ours, _ in found if climbs(target)]
    assert outside == [400] * len(outside)
    assert 0 < len(outside) < 100


# Target: what the application is given here, and under gunicorn; docs/requests.md says why.
DIFFERENT: dict[str, tuple[Answer, Answer]] = {
    target: (
        dict(zip(SEEN, ours, strict=True)) if isinstance(ours, tuple) else ours,
        dict(zip(SEEN, theirs, strict=True)),
    )
    for target, ours, theirs in (
        ("/../a", 400, ("/../a", "", "", "/../a")),
        ("/a/%2e%2e/..", 400, ("/a/../..", "", "", "/a/%2e%2e/..")),
        ("/a%00", 400, ("/a\0", "", "", "/a%00")),
        ("/%zz", 400, ("/%zz", "", "", "/%zz")),
        ("/a%2", 400, ("/a%2", "", "", "/a%2")),
        ("*", 400, ("*", "", "", "*")),
        ("http://u:p@x/a", 400, ("/a", "", "", "http://u:p@x/a")),
        ("http://x//a?b", ("//a", "b", "", "//a?b"), ("//a", "b", "", "http://x//a?b")),
        ("http://x", ("/", "", "", "/"), ("", "", "", "http://x")),
        ("http://x?b", ("/", "b", "", "?b"), ("", "b", "", "http://x?b")),
    )
}


@pytest.mark.parametrize("target", DIFFERENT)
def test_what_differs_from_gunicorn_is_meant(served: Stack, counterpart: int, target: str) -> None:
    method = "OPTIONS" if target == "*" else "GET"
    found = ask(served.port, target, method), ask(counterpart, target, method)
    assert found == DIFFERENT[target]


def test_bytes_that_should_have_been_encoded_arrive_all_the_same(served: Stack) -> None:
    answer = raw.send(served, raw.get("/ü//%ff?ü"))
    seen = json.loads(raw.body(answer))
    assert seen["PATH_INFO"] == "/ü".encode().decode("latin-1") + "//\xff"
    assert seen["QUERY_STRING"] == "ü".encode().decode("latin-1")


@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
def test_a_request_without_host_has_the_url_of_the_address(served: Stack, client: str) -> None:
    answer = raw.send(served, b"GET /get HTTP/1.0\r\n\r\n", client, client)
    seen = json.loads(raw.body(answer))
    assert "HTTP_HOST" not in seen
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == (client, str(served.port))


def test_a_file_stays_a_file_in_every_form(served: Stack) -> None:
    text = (APP / "asked.py").read_bytes()
    for target in (
        *("/static/asked.py", "//static/asked.py", "/static//asked.py", "/static/./asked.py"),
        *("/x/../static/asked.py", "/x/%2e%2e/static/asked.py", "/%73tatic%2Fasked.py?x"),
    ):
        assert raw.body(raw.send(served, raw.get(target))) == text, target
    seen = ask(served.port, "/static/../x")
    assert isinstance(seen, dict)
    assert seen["PATH_INFO"] == "/static/../x"


def test_no_form_of_a_path_gets_past_the_list(served: Stack) -> None:
    for target in targets(seed=12, count=200):
        answer = raw.send(served, raw.get(target), client="127.0.0.2")
        assert raw.statuses(answer) == [400 if climbs(target) else 403], target


def test_applications_below_prefixes_are_given_what_is_left(launch: Launch) -> None:
    stack = launch(app=APP, APPS="/=asked:application;/admin=asked:application")
    found = {}
    for target in ("/admin", "/admin/", "/admin//x/./y", "/admin%2Fx", "/admins", "//admin/x"):
        seen = ask(stack.port, target)
        assert isinstance(seen, dict)
        assert seen["RAW_URI"] == target
        found[target] = seen["SCRIPT_NAME"], seen["PATH_INFO"]
    assert found == {
        "/admin": ("/admin", ""),
        "/admin/": ("/admin", "/"),
        "/admin//x/./y": ("/admin", "//x/./y"),
        "/admin%2Fx": ("/admin", "/x"),
        "/admins": ("", "/admins"),
        "//admin/x": ("", "//admin/x"),
    }


LINES = """\
rewrite ^/old/(.*)$ /new/$1?from=old last;
location /closed/ {
    deny all;
}
location /below/ {
    include application.conf;
}
"""


def test_lines_of_the_operators_have_the_last_word(launch: Launch, conf: Path) -> None:
    (conf / "server.d/mine.conf").write_text(LINES)
    stack = launch(app=APP, conf=conf, APP_MODULE="asked:application")
    for target in ("/closed/x", "//closed/x", "/x/../closed/", "/closed//x", "/%63losed%2Fx"):
        assert ask(stack.port, target) == 403, target
    found = {}
    for target in (*("/old//a/./b?c", "//a//b", "/closed/../x//y", "/x/%2e/y", "/below/http://x"),):
        seen = ask(stack.port, target)
        assert isinstance(seen, dict)
        assert seen["RAW_URI"] == target
        found[target] = seen["PATH_INFO"], seen["QUERY_STRING"]
    assert found == {
        "/old//a/./b?c": ("/new/a/b", "from=old&c"),
        "//a//b": ("//a//b", ""),
        # What is in no location of theirs must not look as if it were.
        "/closed/../x//y": ("/x/y", ""),
        "/x/%2e/y": ("/x/y", ""),
        "/below/http://x": ("/below/http://x", ""),
    }
    redirect = stack.get("/below", allow_redirects=False)
    assert (redirect.status_code, redirect.headers["Location"]) == (301, "/below/")


def test_the_url_that_follows_is_the_clients(served: Stack) -> None:
    answer = json.loads(raw.body(raw.send(served, raw.get("/a//b/http://x/../y?z"))))
    assert urlsplit(answer["url"]).path == "/a//b/http%3A//x/../y"
