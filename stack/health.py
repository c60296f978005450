"""The health check: ask the application through nginx, where ALLOWED does not rule.

Every few seconds, for ever: a bare socket takes a third of the CPU time of an HTTP client.
"""

import socket

TIMEOUT = 4.0  # seconds; nginx gives the application 3


def healthy(root: str) -> int:
    """Exit with 0 if the application answers, and not with an error of the server's."""
    return 0 if 0 < status(root, "/ready") < 500 else 1


def alive(root: str) -> int:
    """Exit with 0 if nginx answers, whatever the application does."""
    return 0 if status(root, "/alive") == 204 else 1


def status(root: str, path: str) -> int:
    """Return the status of the answer, or 0 if there is none."""
    try:
        with open(f"{root}/run/health.conf") as conf:  # noqa: PTH123 - pathlib takes too long
            _, address = conf.read().split()
        host, port = address.rstrip(";").split(":")
        with socket.create_connection((host, int(port)), TIMEOUT) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            answer = connection.makefile("rb").readline()
        return int(answer.split()[1])
    except (OSError, IndexError, ValueError):
        return 0
