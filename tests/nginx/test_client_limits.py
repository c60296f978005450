"""What one client may take: RATE_LIMIT, RATE_BURST and CONNECTION_LIMIT."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.settings.errors import ConfigError
from stack.settings.table import Settings
from tests.support.background import background, wait_until_busy
from tests.support.launching import Launch, Plan
from tests.support.stacks import ROOT, Stack

# Behind a proxy, so that any address can be a client; nobody gets a second request in an hour.
PLAN = Plan(
    {
        "APP_MODULE": "pages:application",
        "ALLOWED": "127.0.0.0/8;2001:db8::/32",
        "TRUSTED_PROXIES": "127.0.0.9",
        "RATE_LIMIT": "1/m",
        "RATE_BURST": "3",
        "STATIC_PATH": "app",
    },
    ROOT / "tests/apps/pages",
)


def ask(stack: Stack, client: str, path: str = "/") -> int:
    """Make a request that a proxy passes on for a client, and give the answer's status."""
    headers = {"X-Forwarded-For": client}
    return stack.get(path, "127.0.0.9", headers=headers).status_code


def test_what_comes_after_the_burst_gets_429(served: Stack) -> None:
    assert [served.get("/page/x", "127.0.1.1").status_code for _ in range(3)] == [200] * 3
    for method, body in (("GET", None), ("HEAD", None), ("POST", b"x" * 100_000)):
        answer = served.request(method, "/page/x", "127.0.1.1", data=body)
        assert answer.status_code == 429
        assert answer.headers["Retry-After"] == "60"
        assert answer.headers["X-Request-Id"]
    assert served.get("/page/x", "127.0.1.2").status_code == 200


def test_the_log_has_the_first_and_then_a_count(served: Stack) -> None:
    for _ in range(20):
        served.get("/page/x", "127.0.1.3")
    (summary, *_) = served.says("requests were answered with 429", "RATE_LIMIT")
    assert int(summary.split(" requests")[0].split()[-1]) > 1
    assert served.says("429: GET /page/x (", "127.0.1.3 made more requests")


def test_a_client_is_whom_allowed_sees(served: Stack) -> None:
    assert [ask(served, "127.0.2.1", "/page/x") for _ in range(4)] == [200] * 3 + [429]
    assert ask(served, "127.0.2.2", "/page/x") == 200
    # Written as IPv6 it is the same one, and has not become anybody else's.
    assert ask(served, "::ffff:127.0.2.1", "/page/x") == 429
    assert ask(served, "::ffff:127.0.2.3", "/page/x") == 200


def test_of_ipv6_a_client_is_a_network(served: Stack) -> None:
    for host in ("::1", "::ffff:1", ":1:2:3:4"):
        assert ask(served, f"2001:db8:0:1{host}", "/page/x") == 200
    assert ask(served, "2001:db8:0:1:0:0:1:0", "/page/x") == 429
    assert ask(served, "2001:db8:0:2::1", "/page/x") == 200
    # With a line end among its bytes.
    for host in ("::1", "::2", "::3"):
        assert ask(served, f"2001:db8:a0a:1{host}", "/page/x") == 200
    assert ask(served, "2001:db8:a0a:1::4", "/page/x") == 429


def test_whoever_is_denied_gets_403_however_often(served: Stack) -> None:
    assert {ask(served, "192.0.2.1", "/page/x") for _ in range(9)} == {403}


def test_files_and_health_checks_do_not_count(served: Stack) -> None:
    assert {served.get("/static/pages.py", "127.0.1.5").status_code for _ in range(9)} == {200}
    assert [served.get("/page/x", "127.0.1.5").status_code for _ in range(4)] == [200] * 3 + [429]
    assert {served.get("/static/pages.py", "127.0.1.5").status_code for _ in range(9)} == {200}
    assert all(served.healthy() for _ in range(9))


def test_answers_that_are_kept_do_not_count(launch: Launch) -> None:
    settings = {"RATE_LIMIT": "1/m", "RATE_BURST": "2", "RESPONSE_CACHE": "on"}
    stack = launch(app=ROOT / "tests/apps/pages", APP_MODULE="pages:application", **settings)
    kept = "/page/kept?Cache-Control=max-age%3D60"
    # An answer is kept a moment after it was given; who asks for it until then is another client.
    others = (f"127.0.9.{number}" for number in range(1, 255))

    def hit() -> bool:
        return stack.get(kept, next(others)).headers["X-Cache-Status"] == "HIT"

    stack.wait_until(hit)
    assert [stack.get(kept).status_code for _ in range(9)] == [200] * 9
    assert [stack.get("/page/x").status_code for _ in range(3)] == [200, 200, 429]
    assert stack.get(kept).status_code == 200


def test_so_many_requests_of_one_client_are_served_at_once(launch: Launch, faulty: Path) -> None:
    stack = launch(
        app=faulty,
        APP_MODULE="faults:application",
        CONNECTION_LIMIT="2",
        UWSGI_THREADS="4",
    )
    held = background(stack, "/held", times=2)
    wait_until_busy(stack, 2)
    stack.wait_until(lambda: stack.get().status_code == 429)
    assert stack.get().headers["Retry-After"] == "1"
    assert stack.get(client="127.0.0.2").status_code == 200
    (faulty / "gate").touch()
    assert [each.result().status_code for each in held] == [200, 200]
    stack.wait_until(lambda: stack.get().status_code == 200)
    stack.says("429: GET / (", "CONNECTION_LIMIT")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATE_LIMIT", "20"),
        ("RATE_LIMIT", "0/s"),
        ("RATE_LIMIT", "20/h"),
        ("RATE_LIMIT", "20r/s"),
        ("RATE_LIMIT", "-1/s"),
        ("RATE_LIMIT", ""),
        ("RATE_BURST", "0"),
        ("RATE_BURST", "off"),
        ("CONNECTION_LIMIT", "0"),
        ("CONNECTION_LIMIT", "on"),
    ],
)
def test_what_is_no_limit_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as error:
        Settings.from_environ({name: value})
    (mistake,) = error.value.args
    assert mistake.startswith(f"{name}: '{value}': ")


@pytest.mark.parametrize(
    ("rate", "burst"), [("off", 10), ("1/s", 10), ("20/s", 40), ("600/m", 20), ("90/m", 10)]
)
def test_the_burst_follows_the_rate(rate: str, burst: int) -> None:
    assert Settings.from_environ({"RATE_LIMIT": rate}).rate_burst == burst
