"""A Docker engine: is one answering, and if not, one for as long as a command runs.

python3 -m dev.engine COMMAND...
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from dev import Problem, finish, leftovers, packages, say
from dev.packages import Need
from dev.signals import STOPPING, held

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# Everything of an engine that we start is below this folder, and named by it.
FOLDER = Path("/var/lib/nginx-python3-engine")
CONTAINERD = Path("/run/containerd/containerd.sock")
APPARMOR = Path("/sys/module/apparmor/parameters/enabled")
START, STOP = 60, 60


def problem() -> str | None:
    """Say why no Docker engine answers, or None if one does."""
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except FileNotFoundError:
        return "there is no docker command"
    except subprocess.TimeoutExpired:
        return "the Docker engine does not answer within 20 s"
    if answer.returncode == 0:
        return None
    said = (answer.stderr.strip().splitlines() or ["docker version failed"])[-1]
    if "permission denied" in said:
        return "this user may not use the Docker engine; use sudo, or join the group docker"
    return said


def compose() -> list[str] | None:
    """Begin a command for compose: the engine's plug-in, else the program docker-compose."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    program = packages.find("docker-compose")
    return [program] if program else None


def compose_need() -> Need:
    """Name the packages that have it."""
    packed = ("docker-compose",), ("docker-cli-compose",)
    return Need("docker compose", compose() is not None, *packed)


def main(command: list[str]) -> int:
    """Run a command that finds an engine."""
    why = problem()
    if why is None:
        say("a Docker engine answers already; using it")
        return run(command)
    if os.geteuid() or "DOCKER_HOST" in os.environ:
        raise Problem(f"{why}, and only root without DOCKER_HOST can start an engine here")
    install()
    with started():
        return run(command)


def install() -> None:
    """Install an engine; since Debian 13 its command is a package of its own."""
    apparmor = not APPARMOR.exists() or bool(packages.find("apparmor_parser"))
    packages.ensure([
        Need("dockerd", packages.find("dockerd") is not None, ("docker.io",), ("docker",)),
        Need("iptables", packages.find("iptables") is not None, ("iptables",), ("iptables",)),
        Need("ps, for docker top", packages.find("ps") is not None, ("procps",), ("procps",)),
        Need("apparmor_parser", apparmor, ("apparmor",), ("apparmor",)),
    ])  # fmt: skip
    docker = packages.find("docker") is not None
    packages.ensure([Need("docker", docker, ("docker-cli",), ("docker-cli",))])


def run(command: list[str]) -> int:
    """Run the command to its end, which comes early when we are asked to stop."""
    process = subprocess.Popen(command)
    try:
        for each in STOPPING:
            signal.signal(each, leave)
        status = process.wait()
        return status if status >= 0 else 128 - status
    finally:
        if process.poll() is None:
            end(process)


def leave(number: int, _: FrameType | None) -> NoReturn:
    """Leave through every finally."""
    raise SystemExit(128 + number)


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process, with force if it does not follow."""
    with held():
        process.terminate()
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def started() -> Iterator[None]:
    """Start an engine on the default socket and stop it, with all that it started, at the end."""
    leftovers.clear(FOLDER)
    forget_containerd()
    FOLDER.mkdir(mode=0o711)
    for each in STOPPING:
        signal.signal(each, leave)
    engine = launch()
    try:
        await_answer(engine)
        yield
    finally:
        with held():
            end(engine)
            leftovers.clear(FOLDER)
            say("stopped the Docker engine that was started for this")


def forget_containerd() -> None:
    """Remove the socket of a containerd that is gone: dockerd would wait for it in vain."""
    with suppress(FileNotFoundError), socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(CONTAINERD))
        except ConnectionRefusedError:
            CONTAINERD.unlink()


def launch() -> subprocess.Popen[bytes]:
    """Start dockerd in a session of its own, where a terminal's Ctrl-C does not reach it first."""
    say("no Docker engine answers; starting one")
    command = (
        packages.find("dockerd") or "dockerd",
        f"--data-root={FOLDER}/data",
        f"--exec-root={FOLDER}/exec",
        f"--pidfile={FOLDER}/pid",
        "--host=unix:///var/run/docker.sock",
    )
    environ = os.environ | {"PATH": packages.search_path()}
    with (FOLDER / "log").open("wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ,
            start_new_session=True,
        )  # fmt: skip


def await_answer(engine: subprocess.Popen[bytes]) -> None:
    """Return when the engine answers, and fail at once with its last words when it is gone."""
    deadline = time.monotonic() + START
    while why := problem():
        if engine.poll() is not None or time.monotonic() > deadline:
            words = (FOLDER / "log").read_text(errors="replace").splitlines()[-20:]
            raise Problem("\n".join(["dockerd did not start; its log ends with:", *words, why]))
        time.sleep(0.2)


if __name__ == "__main__":
    finish(main)
