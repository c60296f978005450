"""A Redis server of a test's own, on 127.0.0.1."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.support.skips import leave_out
from tests.support.stacks import reserve
from tests.support.wait import wait_until


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run one whose data goes with it, and give its URL."""
    program = shutil.which("redis-server")
    if not program:
        leave_out("there is no redis-server here")
    with reserve() as reserved:
        port = reserved.getsockname()[1]
    where = ("--bind", "127.0.0.1", "--port", str(port))
    command = [program, *where, "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        url = f"redis://127.0.0.1:{port}/0"
        try:
            wait_until(lambda: answers(url), alive=lambda: process.poll() is None)
            yield url
        finally:
            process.terminate()


def answers(url: str) -> bool:
    """Say whether it takes commands by now."""
    try:
        return bool(redis.Redis.from_url(url).ping())
    except redis.ConnectionError:
        return False
