"""The health check: ask the application through nginx, where ALLOWED does not rule.

Every few seconds, for ever: a bare socket takes a third of the CPU time of an HTTP client.
"""

from __future__ import annotations

import socket
from pathlib import Path

TIMEOUT = 3.0  # seconds


def status(root: Path, path: str = "/ready") -> int:
    """Return the status of the answer, or 0 if there is none."""
    try:
        _, address = (root / "run/health.conf").read_text().split()
        host, port = address.rstrip(";").split(":")
        with socket.create_connection((host, int(port)), TIMEOUT) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            answer = connection.makefile("rb").readline()
        return int(answer.split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def healthy(root: Path) -> bool:
    """Say whether the application answers, and not with an error of the server's."""
    return 0 < status(root) < 500
