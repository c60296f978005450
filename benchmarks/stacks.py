"""A stack that answers, ours or somebody else's, and how its start went."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from dev import Problem
from dev.signals import held
from tests.support.host import HostStack
from tests.support.image import ImageStack

PATIENCE = 60  # seconds for a start


class Server(Protocol):
    """What is asked of a stack here; ours is the tests' own (tests/support/stacks.py)."""

    port: int

    def start(self) -> None:
        """Start, without waiting."""

    def alive(self) -> bool:
        """Tell whether all that was started runs."""

    def pids(self) -> list[int]:
        """List all of its processes."""

    def log(self) -> str:
        """Give what it wrote."""

    def close(self) -> None:
        """Stop, and make sure that nothing is left."""


@dataclass(frozen=True)
class Stack:
    """A contender that serves on 127.0.0.1; times are in seconds."""

    name: str
    server: Server
    # From the start to the first 200.
    first_answer: float
    # Of ours: until the entrypoint became supervisord. Of the image: until its first process ran.
    prepared: float | None = None
    engine: float | None = None

    def url(self, path: str = "/") -> str:
        """Name a page."""
        return f"http://127.0.0.1:{self.server.port}{path}"


@contextmanager
def serving(name: str, server: Server) -> Iterator[Stack]:
    """Start a stack, give it when it answers with 200, and stop it in the end."""
    began = time.time()
    try:
        # Whole: what the engine is asked for while we leave would come after we have removed it.
        with held():
            server.start()
        await_answer(name, server)
        first_answer = time.time() - began
        yield Stack(name, server, first_answer, *parts(server, began))
    finally:
        with held():
            server.close()


def await_answer(name: str, server: Server) -> None:
    """Ask until the answer is 200."""
    deadline = time.monotonic() + PATIENCE
    while status(server.port) != 200:
        if time.monotonic() > deadline or not server.alive():
            end = "\n".join(server.log().splitlines()[-20:])
            raise Problem(f"{name} does not answer; its log ends:\n{end}")
        time.sleep(0.005)


def status(port: int) -> int:
    """Ask once; 0 if there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def parts(server: Server, began: float) -> tuple[float | None, float | None]:
    """Tell how long the entrypoint and the engine took of a start, as far as they took part."""
    if isinstance(server, HostStack):
        return written(server.root) - began, None
    if isinstance(server, ImageStack):
        # Docker writes nanoseconds, Python reads microseconds.
        at = server.state()["StartedAt"].rstrip("Z")[:26]
        ran = datetime.fromisoformat(f"{at}+00:00").timestamp()
        return written(Path(f"/proc/{server.pid}/root/srv")) - ran, ran - began
    return None, None


def written(root: Path) -> float:
    """Tell when the entrypoint wrote its last file: the next that it does is to be supervisord."""
    return max(path.stat().st_mtime for path in (root / "run").glob("*.conf"))
