"""The health check: ask the application through nginx, where ALLOWED does not rule.

Every few seconds, for ever: a bare socket takes a third of the CPU time of an HTTP client.
"""

import os
import socket

TIMEOUT = 4.0  # seconds; nginx gives the application 3


# What these mean, whether nginx answers in the application's place or it does so itself.
MEANING = {
    502: ": a worker died with it, or its headers are too large",
    503: ": the application is away, or more is waiting than it can take",
    504: ": the application took longer than 3 s",
}


def healthy(root: str) -> int:
    """Exit with 0 if the application answers, and not with an error; say why on stdout.

    Where HEALTH_PATH is set, that page is there to be found: 400 and more are errors. Where it is
    not, / is asked for, which an application need not have: then 500 and more are.
    So does a container that was started for another command, in which nobody serves.
    """
    status, why, path = answer(root, "/ready")
    if not status and runs_another_command(root):
        return tell(0, "healthy: this container runs another command than the stack")
    if not status:
        return tell(1, f"unhealthy: {why}")
    what = f"{f'HEALTH_PATH, {path},' if path else '/'} was answered with {status}"
    if well(status, path):
        return tell(0, f"healthy: {what}")
    return tell(1, f"unhealthy: {what}{MEANING.get(status, '')}")


def well(status: int, path: str) -> bool:
    """Say whether an answer is no error: where HEALTH_PATH is set, a missing page is one too."""
    return 0 < status < (400 if path else 500)


def alive(root: str) -> int:
    """Exit with 0 if nginx answers, whatever the application does; say so on stdout."""
    status, why, _ = answer(root, "/alive")
    return tell(0, "alive: nginx answers") if status == 204 else tell(1, f"not alive: {why}")


def tell(status: int, line: str) -> int:
    """Say it where `docker inspect` keeps it."""
    print(line)
    return status


def answer(root: str, path: str) -> tuple[int, str, str]:
    """Return the answer's status, or 0 and why there is none; and HEALTH_PATH, if it is set."""
    address = health_path = ""
    try:
        with open(f"{root}/run/health.conf") as conf:  # noqa: PTH123 - pathlib takes too long
            _, address, *rest = conf.read().split()
        health_path = rest[-1] if rest else ""
        address = address.rstrip(";")
        host, port = address.split(":")
        with socket.create_connection((host, int(port)), TIMEOUT) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            line = connection.makefile("rb").readline()
        return int(line.split()[1]), line.decode(errors="replace").strip(), health_path
    except FileNotFoundError:
        return 0, "no stack has started here, or not yet", ""
    except (OSError, IndexError, ValueError) as error:
        return 0, f"nginx gives no answer on {address} ({error})", health_path


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


def wait(root: str) -> int:
    """Wait until the application answers; 1 if whoever waits for that ends meanwhile."""
    import time

    parent = os.getppid()
    while os.getppid() == parent:
        status, _, path = answer(root, "/ready")
        if well(status, path):
            return 0
        time.sleep(0.2)
    return 1


if __name__ == "__main__":
    raise SystemExit(wait("."))  # as supervisord runs it, in the root of the tree
