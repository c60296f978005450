"""Requests that are on their way while a test goes on."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import requests

from tests.support.stacks import Stack


def background(stack: Stack, path: str, times: int = 1) -> list[Future[requests.Response]]:
    """Make requests in the background."""
    pool = ThreadPoolExecutor(times)
    futures = [pool.submit(stack.get, path) for _ in range(times)]
    pool.shutdown(wait=False)
    return futures


def wait_until_busy(stack: Stack, connections: int) -> None:
    """Wait until this many connections to the stack are open, and nginx has accepted them."""

    def accepted() -> int:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        port = f":{stack.port:04X}"
        # One that the kernel still keeps for nginx has no inode.
        return sum(row[1].endswith(port) and row[3] == "01" and row[9] != "0" for row in rows)

    stack.wait_until(lambda: accepted() >= connections)


def good(stack: Stack) -> bool:
    """Say whether the application answers; a bare 502 is never right."""
    try:
        status = stack.get().status_code
    except requests.ConnectionError:
        return False
    assert status in (200, 503)
    return status == 200
