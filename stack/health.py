"""The health check: ask the application through nginx, where ALLOWED does not rule.

Every few seconds, for ever: a bare socket takes a third of the CPU time of an HTTP client.
"""

import os
import socket

TIMEOUT = 4.0  # seconds; nginx gives the application 3


def healthy(root: str) -> int:
    """Exit with 0 if the application answers, and not with an error of the server's.

    So does a container that was started for another command, in which nobody serves.
    """
    return 0 if 0 < status(root, "/ready") < 500 or runs_another_command(root) else 1


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


def runs_another_command(root: str) -> bool:
    """Say whether this is a container in which no stack runs, none starts, and none has run.

    A process whose parent is 0 was put into its container from outside, as by `docker exec`: so all
    that runs in the container is in /proc. On a host, where a stack that is missing is a failure,
    no process has that parent.
    """
    if os.getppid() != 0 or os.path.exists(f"{root}/run/health.conf"):  # noqa: PTH110
        return False
    try:
        # Until the container's first process is a program of the image's, nobody knows what it
        # will be: it still is the engine's, whose own file is not here, or has no arguments yet.
        begun = os.path.exists(os.readlink("/proc/1/exe")) and words("1") != [""]  # noqa: PTH110, PTH115
    except OSError:
        begun = False
    return begun and not any(serves(each) for each in os.listdir("/proc") if each.isdigit())  # noqa: PTH208


def serves(pid: str) -> bool:
    """Say whether a process is supervisord, or an entrypoint that was not asked for anything else.

    The entrypoint without arguments stands at the end, behind an init too (`docker run --init`).
    """
    try:
        called = words(pid)
    except OSError:
        return False
    return "stack.supervision" in called or called[-1].endswith("entrypoint.py")


def words(pid: str) -> list[str]:
    """Read how a process was called."""
    with open(f"/proc/{pid}/cmdline") as file:  # noqa: PTH123
        return file.read().rstrip("\0").split("\0")
