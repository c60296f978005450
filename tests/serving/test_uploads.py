"""Large uploads, on a run/ that has room for them and on one that has not."""

from __future__ import annotations

import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from tests.support import raw
from tests.support.image import HARDENED, ImageStack
from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

APP = ROOT / "tests/apps/bodies"
SETTINGS = {"APP_MODULE": "bodies:application", "CLIENT_MAX_BODY_SIZE": "200m"}

MB = 10**6


def content(size: int) -> bytes:
    """Make a body in which no two parts are alike."""
    return random.Random(size).randbytes(size)  # noqa: S311 - the same each time


def upload(stack: Stack, data: bytes) -> int:
    """Upload, see that it arrives whole if it is said to have arrived, and return the status."""
    answer = stack.request("POST", "/digest", data=data)
    if answer.status_code == 200:
        assert answer.json() == {"length": len(data), "digest": sha256(data).hexdigest()}
    return answer.status_code


def left(stack: Stack) -> list[str]:
    """List what is stored of requests and answers."""
    folders = ("run/client_body", "run/uwsgi_temp", "run/tmp")
    return stack.run("find", *folders, "-type", "f").stdout.split()


@pytest.mark.parametrize("room", [None, "128m"])
def test_an_upload_of_100_mb_arrives_whole(launch: Launch, room: str | None) -> None:
    stack = launch(app=APP, room=room, **SETTINGS)
    assert upload(stack, content(100 * MB)) == 200
    stack.wait_until(lambda: not left(stack))


def test_an_upload_that_has_no_room_is_an_error_that_says_so(launch: Launch) -> None:
    stack = launch(app=APP, room="32m", alarms=True, **SETTINGS)
    assert upload(stack, content(100 * MB)) == 500
    (line,) = stack.says("[crit]")
    assert "No space left on device" in line
    stack.wait_until(lambda: not left(stack))
    assert upload(stack, content(24 * MB)) == 200
    stack.wait_until(lambda: not left(stack))


def test_uploads_that_have_no_room_together_arrive_whole_or_not_at_all(launch: Launch) -> None:
    stack = launch(app=APP, room="32m", alarms=True, **SETTINGS)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda size: upload(stack, content(size)), [12 * MB] * 6))
    assert set(found) <= {200, 500}
    stack.wait_until(lambda: not left(stack))
    assert upload(stack, content(24 * MB)) == 200


def test_what_a_killed_nginx_had_stored_is_gone_with_the_next_start(launch: Launch) -> None:
    stack = launch(app=APP, alarms=True, **SETTINGS)
    with raw.connect(stack) as connection:
        connection.sendall(b"POST /digest HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        connection.sendall(content(50_000))
        stack.wait_until(lambda: left(stack))
        for worker in stack.processes("nginx")[1:]:
            os.kill(worker, signal.SIGKILL)
    stack.signal(signal.SIGTERM)
    stack.wait_until_gone()
    stack.start_again()
    stack.wait_until(lambda: not left(stack))


@pytest.mark.parametrize("options", [("--user=12345:12345", *HARDENED), ("--user=0", *HARDENED)])
def test_uwsgi_may_read_what_nginx_has_stored(image: str, options: tuple[str, ...]) -> None:
    stack = ImageStack(SETTINGS, image, (f"--volume={APP}:/srv/app:ro", *options))
    stack.start()
    try:
        stack.wait_until_ready()
        assert [upload(stack, content(size)) for size in (80, MB)] == [200, 200]
    finally:
        stack.close()
