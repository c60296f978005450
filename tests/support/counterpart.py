"""gunicorn beside a stack, with the same application: what other servers make of a request."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def gunicorn(application: str, folder: Path) -> Iterator[int]:
    """Serve module:callable from a folder, and give the port; whoever connects waits for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        place = f"fd://{listener.fileno()}"
        command = [sys.executable, "-m", "gunicorn", "--bind", place, "--log-level", "error"]
        server = subprocess.Popen(
            [*command, "--chdir", str(folder), "--no-control-socket", application],
            pass_fds=[listener.fileno()],
        )
        try:
            yield listener.getsockname()[1]
        finally:
            server.terminate()
            server.wait(20)
