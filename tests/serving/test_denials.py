"""Denied clients neither flood the log nor steer it."""

from __future__ import annotations

import re

from tests.support import raw
from tests.support.json_lines import caught
from tests.support.launching import Launch
from tests.support.stacks import Stack

COUNT = re.compile(r"WARN (\d+) requests were denied, as ALLOWED does not contain: (.*)")
FORGED = (
    "Referer: \x1b[2J, access forbidden by rule, no live upstreams while connecting to upstream\r\n"
)


def flood(stack: Stack, client: str, times: int, headers: str = "") -> None:
    """Send so many requests over one connection, and read all answers."""
    one = f"GET /secret?token=1 HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()
    last = f"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode()
    # nginx closes a connection after 1000 requests.
    answers = raw.send(stack, one * (times - 1) + last, client)
    assert raw.statuses(answers) == [403] * times


def counted(stack: Stack) -> dict[str, int]:
    """Add up what the counts say of each client."""
    found: dict[str, int] = {}
    for _, clients in COUNT.findall(stack.log()):
        for client, times in re.findall(r"([0-9.]+) \((\d+)\)", clients):
            found[client] = found.get(client, 0) + int(times)
    return found


def test_many_denials_are_a_line_and_a_count_for_each_client(launch: Launch) -> None:
    stack = launch(ALLOWED="127.0.0.1", ACCESS_LOG="off")
    flood(stack, "127.0.0.2", 500, FORGED)
    flood(stack, "127.0.0.3", 300)
    flood(stack, "127.0.0.4", 1)

    def all_are_told() -> bool:
        lines = stack.lines("denied: ALLOWED does not contain")
        once = {each: sum(f" {each}, taken" in line for line in lines) for each in expected}
        known = counted(stack)
        # The first of a count was shown; where the five seconds ended, there can be two of each.
        return all(known.get(each, once[each]) == expected[each] for each in expected)

    expected = {"127.0.0.2": 500, "127.0.0.3": 300, "127.0.0.4": 1}
    stack.wait_until(all_are_told)
    assert 3 <= len(stack.lines("denied: ALLOWED does not contain")) <= 9
    assert len(stack.log()) < 10_000
    # Nothing of what it sent has hidden a line, or added to another count.
    assert not stack.lines("answered with 503")
    assert "\x1b" not in stack.log()


def test_many_clients_are_not_a_line_each() -> None:
    output, _, err = caught()
    for number in range(40):
        event = b"denied\t10.0.0.%d\t403\t-\tid\tGET\t/\tthe connection\tpeer\tGET /" % number
        output.heard("nginx", "stdout", b"\t%b\n" % event * 5)
    output.sum_up(at_once=True)
    *lines, last = err.data.decode().splitlines()
    assert len(lines) == 10
    assert last.startswith("WARN 200 requests were denied, as ALLOWED does not contain: 10.0.0.")
    assert last.endswith(" (5), and 35 others")


def test_the_health_check_and_a_client_that_asks_for_the_same_are_told_apart() -> None:
    output, _, err = caught()
    line = (
        "2026/01/01 00:00:00 [error] 1#1: *1 upstream timed out (110: Connection timed out) while "
        'reading response header from upstream, client: {}, server: , request: "GET /ready '
        'HTTP/1.1", upstream: "uwsgi://unix:run/uwsgi.sock:", host: "x"\n'
    )
    for client in ("192.0.2.1", "127.0.0.1", "127.0.0.1"):
        output.heard("nginx", "stderr", line.format(client).encode())
    output.sum_up(at_once=True)
    first, last = err.data.decode().splitlines()
    assert first.startswith("WARN the health check was not answered by the application")
    assert last == "WARN 2 health checks were not answered by the application"


def test_counts_are_bounded_in_memory() -> None:
    output, _, _ = caught()
    for number in range(5000):
        event = b"denied\t10.0.%d.%d\t403\t-\tid\tGET\t/\tthe connection\tpeer\tGET /"
        output.heard("nginx", "stdout", b"\t%b\n" % (event % divmod(number, 250)))
        message = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        line = f"2026/01/01 00:00:00 [error] 1#1: *1 {message}\n"
        output.heard("nginx", "stderr", line.encode())
    assert len(output.repeated.counts) <= 101
    assert all(len(count.clients) <= 1001 for count in output.repeated.counts.values())


def test_what_a_denied_client_sends_is_cut_and_escaped(launch: Launch) -> None:
    stack = launch(ALLOWED="127.0.0.1", ACCESS_LOG="off")
    path = "/\udcff\x9b".encode("latin-1", "surrogateescape") + b"\xf0" * 7000
    raw.send(
        stack, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "127.0.0.2"
    )
    (line,) = stack.says("denied: ALLOWED does not contain 127.0.0.2, taken from the connection")
    assert line.isascii()
    assert line.isprintable()
    assert r'"GET /\xFF\x9B\xF0' in line
    assert len(line) < 600


def test_many_errors_are_ten_lines_and_a_count_and_what_they_quote_is_escaped(
    launch: Launch,
) -> None:
    stack = launch(CLIENT_MAX_BODY_SIZE="1")
    one = f"POST / HTTP/1.1\r\nHost: x\r\n{FORGED}Content-Length: 2\r\n\r\nxx".encode()
    for _ in range(40):
        with raw.connect(stack) as client:
            client.sendall(one)
            assert client.recv(12) == b"HTTP/1.1 413"

    def shown() -> list[str]:
        return stack.lines("[error]", "client intended to send too large body")

    def accounted() -> int:
        counts = re.findall(r"WARN (\d+) lines of nginx's began with: error client", stack.log())
        return sum(map(int, counts))

    # A count is of all lines since the last one, also of those that were shown.
    stack.wait_until(lambda: accounted() >= 30)
    assert 10 <= len(shown()) < 40
    assert all(line.isascii() and line.isprintable() for line in shown())
    assert r'referrer: "\x1b[2J, access forbidden by rule' in shown()[0]
    assert not stack.lines("answered with 503")
