"""What is counted of requests: to the last one, whatever happens, and nobody can forge a number."""

from __future__ import annotations

import random
import re
import signal
from pathlib import Path

import pytest

from stack.supervision.observation import uwsgi_stats
from stack.supervision.observation.counting import BOUNDS, CACHE, METHOD, STATUS, Requests, by
from tests.support import processes
from tests.support.background import background
from tests.support.launching import Launch
from tests.support.raw import send
from tests.support.scrape import Scrape, scrape
from tests.support.stacks import ROOT, Stack
from tests.support.traffic import Traffic

LINE = b"%d:%b:%b:%b %b %b 183 90\n"


def test_lines_are_counted_wherever_they_are_cut() -> None:
    choice = random.Random(1)  # noqa: S311
    lines = [
        LINE % (status, method, b"HIT", b"-", took, b"-")
        for status, method, took in zip(
            choice.choices((200, 404, 503), k=500),
            choice.choices((b"GET", b"POST", b"_OTHER"), k=500),
            choice.choices((b"0.000", b"0.005", b"0.006", b"31.000"), k=500),
            strict=True,
        )
    ]
    lines[100:100] = [b"health 200\n", b"a line that is none\n", b"\xff\n", b"health 503\n"]
    data, requests = b"".join(lines), Requests()
    while data:
        size = choice.randint(1, 100)
        requests.take(data[:size])
        data = data[size:]
    assert sum(requests.by_kind.values()) == sum(requests.duration.buckets) == 500
    gets = sum(line.startswith(b"200:GET:") for line in lines)
    assert by([STATUS, METHOD], requests.by_kind)["200", "GET"] == gets
    assert requests.duration.buckets[0] == sum(b" 0.000 " in x or b" 0.005 " in x for x in lines)
    assert requests.duration.buckets[len(BOUNDS)] == sum(b" 31.000 " in line for line in lines)
    assert by([CACHE], requests.by_kind) == {("HIT",): 500}
    assert requests.sent == 500 * 183
    assert requests.health == 503
    assert requests.unreadable == 2


@pytest.mark.parametrize("off", [False, True], ids=["combined", "off"])
def test_each_request_is_counted_once_through_reloads_and_kills(
    launch: Launch, faulty: Path, off: bool
) -> None:
    settings = {"ACCESS_LOG": "off"} if off else {}
    # nginx finds it critical that uWSGI's socket is missing for a moment, when that starts anew.
    stack = launch(app=faulty, alarms=True, APP_MODULE="faults:application", **settings)
    traffic = Traffic(stack)
    traffic.start(pause=0.01)
    disturb(stack, traffic)
    sent = traffic.stop()
    stack.wait_until(lambda: sum(scrape(stack).kinds().values()) >= sum(sent.values()))
    found = scrape(stack)
    assert found.kinds() == sent
    assert found["nginx_http_request_duration_seconds_count"] == sum(sent.values())
    assert found["nginx_python3_uncounted_lines_total"] == 0
    assert found.value("supervisor_process_exits_total", name="nginx") == 1
    assert found.value("supervisor_process_exits_total", name="uwsgi") == 1
    assert found["uwsgi_worker_deaths_total"] == 1
    assert found["nginx_python3_reload_last_successful"] == 1


def disturb(stack: Stack, traffic: Traffic) -> None:
    """Reload, and kill a worker of uWSGI's, and both masters, while requests come."""
    stack.wait_until(lambda: traffic.done() > 100)
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    workers = stack.crew("uwsgi", 2)
    processes.kill(workers[1:2])
    stack.wait_until(lambda: scrape(stack)["uwsgi_worker_deaths_total"] == 1)
    for name in ("nginx", "uwsgi"):
        before = stack.crew(name, 2)[0] if name == "uwsgi" else stack.processes(name)[0]
        processes.kill([before])
        stack.wait_until(lambda name=name, before=before: another(stack, name, before))
        stack.wait_until_ready()


def another(stack: Stack, name: str, before: int) -> bool:
    """Say whether a program has another master."""
    found = stack.processes(name)
    return bool(found) and before not in found


def test_why_a_request_was_turned_away(launch: Launch, faulty: Path) -> None:
    stack = launch(
        app=faulty,
        ALLOWED="127.0.0.1",
        APP_MODULE="faults:application",
        UWSGI_PROCESSES="1",
        MAX_QUEUED_REQUESTS="1",
        REQUEST_TIMEOUT="2",
        CLIENT_MAX_BODY_SIZE="10",
    )
    assert stack.get(client="127.0.0.2").status_code == 403
    assert stack.request("POST", data="x" * 11).status_code == 413
    for status in (403, 413, 429, 502, 503, 504):  # the application's own are none of these
        assert stack.get(f"/status/{status}").status_code == status
    statuses = [each.result().status_code for each in background(stack, "/held", 4)]
    assert sorted(statuses) == [503, 503, 504, 504]
    (faulty / "gate").touch()

    def counted() -> Scrape | None:
        found = scrape(stack)
        return found if found.value("nginx_http_requests_total") >= 12 else None

    found = stack.wait_until(counted)
    assert found["nginx_http_requests_denied_total"] == 1
    reasons = {
        reason: found.value("nginx_http_requests_turned_away_total", reason=reason)
        for reason in ("too_large", "overload", "timeout", "unavailable", "died", "rate")
    }
    assert reasons == {
        "too_large": 1, "overload": 2, "timeout": 2, "unavailable": 0, "died": 0, "rate": 0,
    }  # fmt: skip


def test_a_client_that_asks_too_often_is_counted(launch: Launch) -> None:
    stack = launch(ALLOWED="127.0.0.1", RATE_LIMIT="1/m", RATE_BURST="1")
    statuses = [stack.get().status_code for _ in range(5)]
    assert {*statuses} == {200, 429}
    name, turned_away = "nginx_http_requests_turned_away_total", statuses.count(429)
    # Each of nginx's workers writes what it has answered within a second.
    stack.wait_until(lambda: scrape(stack).value(name, reason="rate") == turned_away)
    assert scrape(stack).value(name) == turned_away


def test_a_client_can_make_no_series(stack: Stack) -> None:
    before = scrape(stack)
    stack.get()
    odd = (b"get", b"X" * 500, b"GET:200", b"OPTIONS-", b"PROPFIND", b"\x16\x03\x01", b"POST\t")
    for method in odd:
        send(stack, method + b" /a?b=c HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
    send(stack, b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: test\r\n\r\n")
    send(stack, b"GET\r\n\r\n")
    stack.get("/?" + "&".join(f"series{number}=1" for number in range(500)))
    stack.wait_until(lambda: requests(stack) >= requests_of(before) + len(odd) + 2)
    found = scrape(stack)
    assert {method for method, _ in found.kinds()} <= {"GET", "POST", "HEAD", "OPTIONS", "_OTHER"}
    assert "series" not in found.text
    assert found["nginx_python3_uncounted_lines_total"] == 0


# Not there before something has happened, or where the machine does not tell.
NOT_ALWAYS = {
    "nginx_python3_reload_last_timestamp_seconds",
    "nginx_python3_reload_last_successful",
    "nginx_python3_certificate_end_timestamp_seconds",
    "container_memory_usage_bytes",
    "container_memory_working_set_bytes",
    "container_oom_events_total",
    "uwsgi_listen_queue_length",
}


def test_each_metric_has_a_line_in_the_documentation(stack: Stack) -> None:
    stack.get()
    stack.wait_until(lambda: requests(stack) > 0)
    page = (ROOT / "docs/metrics.md").read_text().partition("| metric |")[2]
    rows = re.findall(r"^\| (`[^|]+`) \|", page, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([a-z_0-9]+)", row)}
    families = {each.name + "_total" * (each.type == "counter") for each in scrape(stack).families}
    assert families <= documented
    assert documented - families <= NOT_ALWAYS


def requests(stack: Stack) -> float:
    """Count all requests so far."""
    return requests_of(scrape(stack))


def requests_of(found: Scrape) -> float:
    """Count all requests of a scrape; there may be none yet."""
    return sum(found.kinds().values())


def test_an_exception_while_counting_stops_neither_the_log_nor_the_supervision(
    launch: Launch,
) -> None:
    stack = launch(ALLOWED="127.0.0.1", LOG_LEVEL="debug")
    for text in (b"none\n", b"200:GET:-:- a b c d\n", b"200:GET:-:- 0.1 - 1 x\n", b"\0\n"):
        write = f"open('run/requests.fifo', 'wb').write({text!r})"
        assert stack.run("python3", "-c", write).returncode == 0
    stack.wait_until(lambda: scrape(stack)["nginx_python3_uncounted_lines_total"] == 4)
    assert stack.get("/after").status_code == 404
    stack.says("/after")
    processes.kill(stack.processes("nginx")[:1])
    stack.wait_until(lambda: len(stack.lines("spawned: 'nginx'")) == 2)
    stack.wait_until(stack.healthy)
    stack.signal(signal.SIGTERM)
    assert stack.wait_until_gone() == 0


def test_a_worker_that_is_not_made_yet_is_none() -> None:
    # As uWSGI's master tells of all of them for a moment, when it has only just begun.
    assert uwsgi_stats.workers(b'{"workers": [{"id": 0}, {"id": 0}]}') == []
