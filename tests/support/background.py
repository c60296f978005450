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
    """Wait until this many connections to the stack are open, on the clients' side."""

    def established() -> int:
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        port = f":{stack.port:04X}"
        return sum(line.split()[2].endswith(port) and line.split()[3] == "01" for line in lines)

    stack.wait_until(lambda: established() >= connections)


def good(stack: Stack) -> bool:
    """Say whether the application answers; a bare 502 is never right."""
    try:
        status = stack.get().status_code
    except requests.ConnectionError:
        return False
    assert status in (200, 503)
    return status == 200
