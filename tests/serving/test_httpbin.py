"""httpbin answers as it does under gunicorn, but for what is meant (docs/requests.md)."""

from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from tests.support.counterpart import gunicorn
from tests.support.launching import Plan, shared
from tests.support.stacks import Stack

SETTINGS = {"APP_MODULE": "httpbin:app", "HEALTH_PATH": "/get", "UWSGI_THREADS": "4"}


@dataclass(frozen=True)
class Ask:
    """A request."""

    target: str
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def __str__(self) -> str:
        """Name it."""
        return " ".join([self.method, self.target, *self.headers])


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
PARTS = {"Content-Type": "multipart/form-data; boundary=x"}
FILE = b'--x\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\nhello\r\n--x--\r\n'
LONG = bytes(range(256)) * 1000

ASKED = [
    Ask("/"),
    Ask("/get"),
    Ask("/get?a=b&a=c&d=%20%2B+x&e"),
    Ask("/get?%ff=%c3%a9"),
    Ask("/get", "HEAD"),
    Ask("/get", "OPTIONS"),
    Ask("/get", "POST"),
    Ask("/get", headers={"X-One": "1", "Accept-Language": "de", "Cookie": "a=b; c=d"}),
    Ask("/get", headers={"Content-Type": "text/plain"}),
    Ask("/post", "POST", FORM, b"a=b&c=%20d&a=e"),
    Ask("/post", "POST", JSON, b'{"a": [1, "\xc3\xbc"]}'),
    Ask("/post", "POST", JSON, b"{"),
    Ask("/post", "POST", PARTS, FILE),
    Ask("/post", "POST", {}, b"\x00\xff"),
    Ask("/post", "POST", {}, b""),
    Ask("/post", "POST", {}, LONG),
    Ask("/put", "PUT", JSON, b"[]"),
    Ask("/patch", "PATCH", {}, b"x"),
    Ask("/delete", "DELETE"),
    Ask("/delete", "DELETE", {}, b"x"),
    Ask("/anything"),
    Ask("/anything/http://x//a/../b?c=//d"),
    Ask("/anything/a%2Fb%2f%2Fc/./d//"),
    Ask("/anything/%c3%bc/%25/%3f;v=1/a+b"),
    Ask("/anything/x", "PUT", FORM, b"a=b"),
    Ask("/anything/x", "PATCH", JSON, b"1"),
    Ask("//anything//x"),
    Ask("/headers"),
    Ask("/headers", headers={"Referer": "http://x/", "If-None-Match": '"a"', "Range": "bytes=0-1"}),
    Ask("/ip"),
    Ask("/user-agent", headers={"User-Agent": "a test"}),
    Ask("/status/200"),
    Ask("/status/204"),
    Ask("/status/304"),
    Ask("/status/302"),
    Ask("/status/404", "POST", {}, b"x"),
    Ask("/status/418"),
    Ask("/status/500"),
    Ask("/status/503", "DELETE"),
    Ask("/no/such/path"),
    Ask("/redirect/3"),
    Ask("/redirect-to?url=http://x/a%20b&status_code=307", "POST", {}, b"x"),
    Ask("/relative-redirect/2"),
    Ask("/absolute-redirect/2"),
    Ask("/response-headers?X-Two=2&X-Two=3"),
    Ask("/cookies", headers={"Cookie": "a=b"}),
    Ask("/cookies/set?a=b&c=d"),
    Ask("/cookies/set/a/b"),
    Ask("/cookies/delete?a"),
    Ask("/basic-auth/u/p"),
    Ask("/basic-auth/u/p", headers={"Authorization": "Basic dTpw"}),
    Ask("/hidden-basic-auth/u/p"),
    Ask("/bearer", headers={"Authorization": "Bearer x"}),
    Ask("/bearer"),
    Ask("/cache"),
    Ask("/cache", headers={"If-None-Match": "x"}),
    Ask("/cache/60"),
    Ask("/etag/a", headers={"If-None-Match": '"a"'}),
    Ask("/etag/a", headers={"If-Match": '"b"'}),
    Ask("/etag/a"),
    Ask("/bytes/70000?seed=1"),
    Ask("/stream-bytes/70000?seed=1"),
    Ask("/stream/7"),
    Ask("/range/5000?chunk_size=100"),
    Ask("/range/5000", headers={"Range": "bytes=10-20"}),
    Ask("/range/5000", headers={"Range": "bytes=9000-"}),
    Ask("/drip?duration=0.2&numbytes=5&delay=0"),
    Ask("/delay/0", "POST", FORM, b"a=b"),
    Ask("/links/3/1"),
    Ask("/html"),
    Ask("/xml"),
    Ask("/json"),
    Ask("/robots.txt"),
    Ask("/deny"),
    Ask("/encoding/utf8"),
    Ask("/gzip"),
    Ask("/deflate"),
    Ask("/base64/aGVsbG8%3D"),
    Ask("/forms/post"),
    Ask("/image", headers={"Accept": "image/webp"}),
    Ask("/image/png"),
    Ask("/image/svg"),
]

# What of an answer is the server's own business, or the clock's.
SERVERS = {"server", "date", "connection"}
# What every answer has here.
ADDED = {"x-request-id", "x-content-type-options", "x-frame-options", "referrer-policy", "vary"}
# How the end of an answer is told.
FRAMING = {"content-length", "transfer-encoding"}


@pytest.fixture(scope="module")
def counterpart(app: Path) -> Iterator[int]:
    """The port of a gunicorn with the same application."""
    with gunicorn("httpbin:app", app) as port:
        yield port


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with httpbin and what it imports, for images as well: nothing of it is compiled."""
    folder = tmp_path_factory.mktemp("app")
    for package in ("httpbin", "decorator", "six"):
        for file in distribution(package).files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (folder / file.parent).mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), folder / file)
    # It has no wheels for musl. Only /brotli, which is not asked for, needs more than its name.
    (folder / "brotlicffi.py").touch()
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module", params=["host", "image"])
def served(
    request: pytest.FixtureRequest, app: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A stack with the same httpbin."""
    yield from shared(Plan(SETTINGS, app), request, tmp_path_factory)


def answer(port: int, ask: Ask) -> dict[str, Any]:
    """Ask, and take apart what comes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        sent = {"Host": "test", **ask.headers}
        connection.request(ask.method, ask.target, ask.body, sent)
        got = connection.getresponse()
        body = got.read()
    finally:
        connection.close()
    headers = sorted((name.lower(), value) for name, value in got.getheaders())
    if ask.target == "/cache":
        headers = [each for each in headers if each[0] not in ("etag", "last-modified")]
    # httpbin has the methods in a set, whose order is another one in each process.
    kept = [
        (name, sorted(value.split(", ")) if name == "allow" else value)
        for name, value in headers
        if name not in SERVERS
    ]
    return {"status": got.status, "reason": got.reason, "headers": kept, "body": parsed(body)}


def parsed(body: bytes) -> Any:
    """Read JSON, or lines of JSON, in which the order of names has no meaning."""
    try:
        return [json.loads(line) for line in body.splitlines()]
    except ValueError:
        pass
    try:
        return json.loads(body)
    except ValueError:
        return body


def test_httpbin_answers_as_under_gunicorn(served: Stack, counterpart: int) -> None:
    assert len({each.target for each in ASKED}) >= 60
    for ask in ASKED:
        ours, theirs = answer(served.port, ask), answer(counterpart, ask)
        if ("transfer-encoding", "chunked") in theirs["headers"]:
            # A short one gets a length here, which depends on how fast it comes.
            for each in (ours, theirs):
                each["headers"] = [pair for pair in each["headers"] if pair[0] not in FRAMING]
        added = {name for name, _ in ours["headers"]} - {name for name, _ in theirs["headers"]}
        assert added <= ADDED, str(ask)
        ours["headers"] = [each for each in ours["headers"] if each[0] not in added]
        assert ours == theirs, str(ask)


def proxied(header: str, value: str) -> Ask:
    """Write a request that says that it came through a proxy."""
    return Ask("/anything", headers={header: value})


def chunked(found: dict[str, Any]) -> object:
    """Look for how the body came, as the application saw it."""
    seen = found["body"]["headers"]
    return seen.get("Transfer-Encoding"), seen.get("Content-Length"), found["body"]["data"]


def has(name: str) -> Callable[[dict[str, Any]], object]:
    """Make a look at all headers of a name."""
    return lambda found: [value for each, value in found["headers"] if each == name]


def seen(name: str) -> Callable[[dict[str, Any]], object]:
    """Make a look at what the application saw."""
    return lambda found: found["body"][name]


def status(found: dict[str, Any]) -> object:
    """Look at the status."""
    return found["status"]


# What is asked, what is looked at, what it is here, and under gunicorn; docs/requests.md says why.
MEANT = [
    (Ask("/anything", "TRACE"), status, 405, 200),
    (Ask("/post", "POST", {}, bytes(2**20 + 1)), status, 413, 200),
    (Ask("/anything/%00"), status, 400, 200),
    (Ask("/../get"), status, 400, 404),
    (Ask("/html", headers={"Accept-Encoding": "gzip"}), has("content-encoding"), ["gzip"], []),
    (proxied("X-Forwarded-For", "192.0.2.1"), seen("origin"), "127.0.0.1", "192.0.2.1"),
    (
        proxied("X-Forwarded-Proto", "https"),
        seen("url"),
        "http://test/anything",
        "https://test/anything",
    ),
    (
        Ask("/post", "POST", {"Transfer-Encoding": "chunked"}, b"5\r\nhello\r\n0\r\n\r\n"),
        chunked,
        (None, "5", "hello"),
        ("chunked", None, "hello"),
    ),
]


def test_what_differs_is_meant(served: Stack, counterpart: int) -> None:
    for ask, look, here, there in MEANT:
        found = look(answer(served.port, ask)), look(answer(counterpart, ask))
        assert found == (here, there), str(ask)
