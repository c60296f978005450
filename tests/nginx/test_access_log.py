"""The access log: its formats, and one id for a request everywhere."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path

from tests.support.background import background, wait_until_busy
from tests.support.launching import Launch
from tests.support.stacks import Stack

COMBINED = re.compile(
    r'127\.0\.0\.1 - - \[[^]]+\] "GET /request HTTP/1\.1" 200 \d+ "-" "agent" '
    r"([\d.]+) ([\d.]+) ([\d.]+) ([0-9a-f]{32})"
)


def logged(stack: Stack, request_id: str) -> str:
    """Wait for the access log's line about a request."""
    lines = stack.wait_until(lambda: stack.lines(request_id))
    assert len(lines) == 1
    return str(lines[0])


def test_one_id_is_in_the_log_the_answer_and_the_application(stack: Stack) -> None:
    answer = stack.get("/request", headers={"X-Request-Id": "mine", "User-Agent": "agent"})
    request_id = answer.headers["X-Request-Id"]
    assert answer.json()["request_id"] == request_id
    found = COMBINED.fullmatch(logged(stack, request_id))
    assert found
    request_time, upstream_time, queue_time, logged_id = found.groups()
    assert logged_id == request_id
    assert 0 <= float(queue_time) <= float(upstream_time) + 0.01
    assert float(upstream_time) <= float(request_time) + 0.01


def test_the_id_of_a_trusted_proxy_is_kept(launch: Launch) -> None:
    stack = launch(TRUSTED_PROXIES="127.0.0.1", TRUSTED_HEADERS="X-Request-Id")
    answer = stack.get("/request", headers={"X-Request-Id": "from-the-proxy"})
    assert answer.json()["request_id"] == "from-the-proxy"
    assert answer.headers["X-Request-Id"] == "from-the-proxy"


def test_json_is_json_whatever_the_client_sends(launch: Launch) -> None:
    stack = launch(ACCESS_LOG="json")
    odd = b'GET /%22\xff\x01"\\{} HTTP/1.1\r\nHost: x\r\nUser-Agent: a"\\b\x7f\xe2\x82\xac\xff\r\n'
    with socket.create_connection(("127.0.0.1", stack.port), 20) as client:
        client.sendall(odd + b"Referer: \t'x'\r\nConnection: close\r\n\r\n")
        client.makefile("rb").read()
    request_id = stack.get("/request").headers["X-Request-Id"]
    line = json.loads(logged(stack, request_id))
    assert (line["method"], line["uri"], line["status"]) == ("GET", "/request", 200)
    assert line["remote_addr"] == "127.0.0.1"
    assert line["request_time"] >= 0
    assert float(line["queue_time"]) >= 0
    for each in stack.lines('{"time":'):
        assert json.loads(each)["status"] in (200, 400, 404)
    assert len(stack.says('{"time":', count=2)) >= 2


def busy(stack: Stack) -> int:
    """Ask how many workers have a request."""
    said = json.loads(stack.run("./entrypoint.py", "status", "--json").stdout)
    return int(said["workers"]["busy"])


def test_the_wait_for_a_worker_is_told_apart(launch: Launch, faulty: Path) -> None:
    module = "faults:application"
    stack = launch(app=faulty, APP_MODULE=module, UWSGI_PROCESSES="1", ACCESS_LOG="json")
    answers = background(stack, "/held")
    # Not before the worker has it: of two requests that nginx has, either can be the first.
    stack.wait_until(lambda: busy(stack) == 1)
    answers += background(stack, "/worker")
    wait_until_busy(stack, 2)
    seen = time.monotonic()
    stack.wait_until(lambda: time.monotonic() > seen + 2)
    (faulty / "gate").touch()
    waited, took = (
        [
            float(json.loads(logged(stack, each.result().headers["X-Request-Id"]))[name])
            for each in answers
        ]
        for name in ("queue_time", "request_time")
    )
    # The first one had the worker at once, and kept it from the other for two seconds.
    assert waited[0] < took[0] - 1
    assert 1 < waited[1] <= took[1] + 0.01
    assert "X-Queue-Time" not in answers[0].result().headers


def test_a_log_that_is_off_still_tells_of_denials(launch: Launch) -> None:
    stack = launch(ALLOWED="127.0.0.1", ACCESS_LOG="off")
    assert stack.get("/silent").status_code == 404
    assert stack.get("/denied-one", client="127.0.0.2").status_code == 403
    stack.wait_until(lambda: stack.lines("denied: ALLOWED does not contain 127.0.0.2"))
    assert not stack.lines("/silent")
    assert len(stack.says("/denied-one")) == 1
