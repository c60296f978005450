"""Who may scrape, where, and that no scraper disturbs anything."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.support.launching import Launch, Plan, begin, prepared, started_beside
from tests.support.raw import rest
from tests.support.scrape import scrape
from tests.support.stacks import From, Stack, reserve
from tests.support.wait import HANGS

SCRAPER, OTHER, PROXY = "127.0.0.5", "127.0.0.6", "127.0.0.7"
SLOW = 200


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A port that nobody else gets."""
    with reserve() as reserved:
        yield reserved.getsockname()[1]


@pytest.fixture(scope="module", params=["host", "image"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, port: int
) -> Iterator[Stack]:
    """A stack that only one address may scrape, which may not use the application."""
    settings = {
        "ALLOWED": f"127.0.0.1;{OTHER}",
        "METRICS_PORT": str(port),
        "METRICS_ALLOWED": SCRAPER,
        "TRUSTED_PROXIES": f"{PROXY};{OTHER}",
    }
    image = str(request.config.getoption("--image"))
    folder = tmp_path_factory.mktemp("stack")
    stack = begin(prepared(request.param, Plan(settings), folder, image))
    yield stack
    stack.close()


def asked(port: int, client: str, path: str = "/metrics", **headers: str) -> requests.Response:
    """Ask METRICS_PORT from an address."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", From(client))
        return session.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=HANGS)


def test_only_who_is_listed_may_scrape_and_nobodys_word_is_taken(served: Stack, port: int) -> None:
    answer = asked(port, SCRAPER)
    assert answer.status_code == 200
    assert "nginx_http_requests_total" in answer.text or "nginx_up 1" in answer.text
    for client in ("127.0.0.1", OTHER, PROXY):
        assert asked(port, client).status_code == 403
        assert asked(port, client, **{"X-Forwarded-For": SCRAPER}).status_code == 403
    served.says("denied: METRICS_ALLOWED does not contain 127.0.0.1")


def test_nothing_but_metrics_is_there(served: Stack, port: int) -> None:
    for path in ("/", "/status", "/connections", "/ready", "/metrics/", "/RPC2", "/metrics%2f.."):
        assert asked(port, SCRAPER, path).status_code == 404
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", From(SCRAPER))
        url = f"http://127.0.0.1:{port}/metrics"
        assert session.post(url, data="x", timeout=HANGS).status_code == 403


def test_on_listen_port_the_path_is_the_applications(served: Stack) -> None:
    assert served.get("/metrics").status_code == 404
    assert served.get("/metrics", client=SCRAPER).status_code == 403


def test_slow_scrapers_disturb_nobody(served: Stack, port: int) -> None:
    before = scrape(served)["process_cpu_seconds_total"]
    with ExitStack() as many:
        for number in range(SLOW):
            slow = many.enter_context(socket.socket())
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
            slow.bind((SCRAPER, 0))
            slow.connect(("127.0.0.1", port))
            if number % 2:
                slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n")
                slow.recv(1)
        for _ in range(20):
            assert served.get("/").status_code == 200
            assert scrape(served)["nginx_up"] == 1
        assert scrape(served)["process_cpu_seconds_total"] - before < HANGS / 10


def test_scrapes_without_a_pause_see_what_is_new(served: Stack) -> None:
    before = scrape(served)["nginx_http_received_bytes_total"]
    served.get()
    end = time.monotonic() + HANGS
    while scrape(served)["nginx_http_received_bytes_total"] == before:
        assert time.monotonic() < end


def test_many_scrapes_at_once_are_all_answered(served: Stack) -> None:
    with ExitStack() as many:
        clients = [many.enter_context(socket.socket()) for _ in range(50)]
        for each in clients:
            each.settimeout(HANGS)
            each.connect(("127.255.255.254", served.port))
            each.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        answers = [rest(each) for each in clients]
    assert all(each.startswith(b"HTTP/1.1 200 ") and b"nginx_up 1\n" in each for each in answers)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"METRICS_PORT": "9113"}, "METRICS_PORT: '9113': would answer nobody without"),
        ({"METRICS_ALLOWED": "127.0.0.1"}, "METRICS_ALLOWED: is set, and METRICS_PORT not"),
        ({"METRICS_PORT": "x", "METRICS_ALLOWED": "10.0.0.1/8"}, "METRICS_ALLOWED: entry 1"),
        ({"METRICS_PORT": "9113", "METRICS_ALLOWED": ""}, "METRICS_ALLOWED: ''"),
        (
            {"METRICS_PORT": "9113", "LISTEN_PORT": "9113", "METRICS_ALLOWED": "127.0.0.1"},
            "METRICS_PORT: '9113': is LISTEN_PORT too",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(stack: Stack, settings: dict[str, str], says: str) -> None:
    answer = started_beside(stack, **settings)
    assert answer.returncode == 78
    assert says in answer.stderr


def test_the_list_comes_from_a_file_and_changes_with_a_reload(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text("import flask\napp = flask.Flask(__name__)\n")
    (folder / "scrapers").write_text("# Prometheus\n127.0.0.8\n")
    with reserve() as reserved:
        port = reserved.getsockname()[1]
        stack = launch(app=folder, METRICS_PORT=str(port), METRICS_ALLOWED_FILE="app/scrapers")
        assert asked(port, "127.0.0.8").status_code == 200
        (folder / "scrapers").write_text("127.0.0.9\n")
        assert stack.run("./entrypoint.py", "reload").returncode == 0
        assert asked(port, "127.0.0.8").status_code == 403
        assert asked(port, "127.0.0.9").status_code == 200
