"""ACCESS_LOG=json is JSON in UTF-8, a line a request, whatever clients send."""

from __future__ import annotations

import json
import random

from tests.support import raw
from tests.support.json_lines import broken, caught
from tests.support.launching import Launch


def test_a_hundred_thousand_lines_are_json() -> None:
    assert broken(seed=1, lines=100_000) == []


def test_ordinary_lines_are_left_as_they_are() -> None:
    output, out, _ = caught()
    line = b'{"time":"2026","uri":"/\xc3\xa4","request_id":"1"}\n'
    for at in range(len(line)):
        output.heard("nginx", "stdout", line[:at])
        output.heard("nginx", "stdout", line[at:])
    assert out.data == line * len(line)


def test_bytes_that_are_no_text_are_told_as_such() -> None:
    output, out, _ = caught()
    output.heard("nginx", "stdout", b'{"time":"2026","uri":"/\xff\\\\","request_id":"1"}\n')
    assert json.loads(out.data)["uri"] == "/\\xff\\"


def test_a_long_line_is_cut_field_by_field() -> None:
    output, out, _ = caught()
    long = b"x" * 9000
    output.heard("nginx", "stdout", b'{"time":"2026","uri":"%b","request_id":"1"}\n' % long)
    assert json.loads(out.data) == {
        "time": "2026",
        "uri": f"{'x' * 1000}... (9000)",
        "request_id": "1",
    }
    output, out, _ = caught()
    output.heard("nginx", "stdout", b'127.0.0.1 - - "GET %b" 200 "-"\n' % (rb"\xFF" * 3000))
    assert len(out.data) < 1100
    assert out.data.startswith(rb'127.0.0.1 - - "GET \xFF\xFF')
    assert out.data.endswith(rb'\xFF... (12004)" 200 "-"' + b"\n")


def test_requests_of_any_bytes_are_lines_of_json(launch: Launch) -> None:
    stack = launch(ACCESS_LOG="json")
    chance = random.Random(1)  # noqa: S311 - the same requests each time
    visible = [byte for byte in range(256) if byte not in b"\r\n\0 "]

    def some(most: int) -> bytes:
        return bytes(chance.choices(visible, k=chance.randrange(most)))

    for number in range(60):
        size = 6000 if number % 10 == 0 else 60
        head = b"GET /%b HTTP/1.1\r\nHost: x\r\nX: %b\r\n" % (some(size), some(size))
        more = b"User-Agent: %b\r\nReferer: %b\r\nConnection: close\r\n\r\n" % (
            some(size),
            some(60),
        )
        raw.send(stack, head + more)
    # Each of nginx's workers writes what it has within a second.
    for line in stack.says('"remote_addr"', count=60):
        found = json.loads(line)
        assert found["remote_addr"] == "127.0.0.1"
        assert "\ufffd" not in line
    assert not stack.lines("unreadable")
