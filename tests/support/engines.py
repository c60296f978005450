"""Docker engines of our own, each in a network namespace as if it were a machine; root only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dev import leftovers, packages
from tests.support.stacks import fail
from tests.support.wait import wait_until

PREFIX = "np3"  # of namespaces and links; an interface's name has 15 characters at the most


class Engine:
    """One engine: its folder, its network namespace, its address."""

    def __init__(self, folder: Path, name: str, address: str) -> None:
        """Choose places."""
        self.folder = folder / name
        self.space = f"{PREFIX}{name}"
        self.address = address
        self.socket = f"unix://{self.folder}/socket"

    def start(self) -> None:
        """Start dockerd, in its namespace, with everything it writes below its folder."""
        self.folder.mkdir(mode=0o711)
        log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(
            [
                *self.inside(),
                packages.find("dockerd") or "dockerd",
                f"--data-root={self.folder}/data",
                f"--exec-root={self.folder}/exec",
                f"--pidfile={self.folder}/pid",
                f"--host={self.socket}",
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env=os.environ | {"PATH": packages.search_path()},
        )  # fmt: skip
        wait_until(
            lambda: self.try_docker("version").returncode == 0,
            timeout=60,
            alive=lambda: self.process.poll() is None,
            report=lambda: (self.folder / "log").read_text()[-5000:],
        )

    def inside(self) -> list[str]:
        """Begin a command that runs in the namespace."""
        return ["nsenter", f"--net=/run/netns/{self.space}", "--"]

    def try_docker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the docker command line on this engine."""
        return subprocess.run(
            ["docker", "--host", self.socket, *arguments],
            capture_output=True, text=True, timeout=300, env=self.environ(),
        )  # fmt: skip

    def environ(self) -> dict[str, str]:
        """Leave out what would point docker elsewhere."""
        return {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}

    def docker(self, *arguments: str) -> str:
        """Run it, and fail with what it says if it does."""
        answer = self.try_docker(*arguments)
        if answer.returncode:
            fail(f"docker {' '.join(arguments)}: {answer.stdout}{answer.stderr}")
        return answer.stdout.strip()

    def load(self, *images: str) -> None:
        """Copy images from the machine's own engine."""
        save = subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE)
        load = ["docker", "--host", self.socket, "load", "--quiet"]
        subprocess.run(load, stdin=save.stdout, stdout=subprocess.DEVNULL, check=True)
        if save.wait():
            fail(f"docker save {images}: {save.returncode}")

    def lose(self) -> None:
        """Be gone like a machine that has lost its power."""
        for pid in leftovers.processes(self.folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Leave nothing behind."""
        self.lose()
        with suppress(AttributeError):
            self.process.wait(30)
        leftovers.clear(self.folder)


def ip(*arguments: str) -> None:
    """Change the network."""
    subprocess.run(["ip", *arguments], check=True)


@contextmanager
def two(folder: Path) -> Iterator[tuple[Engine, Engine]]:
    """Have two engines that reach each other by a wire, and by nothing else."""
    engines = Engine(folder, "a", "10.99.77.1"), Engine(folder, "b", "10.99.77.2")
    try:
        for engine in engines:
            ip("netns", "add", engine.space)
        links = [engine.space for engine in engines]
        ip("link", "add", links[0], "netns", links[0], "type", "veth",
           "peer", "name", links[1], "netns", links[1])  # fmt: skip
        for engine in engines:
            for command in (
                ("addr", "add", f"{engine.address}/24", "dev", engine.space),
                ("link", "set", engine.space, "up"),
                ("link", "set", "lo", "up"),
            ):
                ip("-n", engine.space, *command)
        for engine in engines:
            engine.start()
        yield engines
    finally:
        for engine in engines:
            engine.close()
            subprocess.run(["ip", "netns", "delete", engine.space])


def tasks(engine: Engine, service: str) -> list[dict[str, str]]:
    """List the tasks of a service that should run."""
    text = engine.docker(
        "service", "ps", "--filter=desired-state=running", "--format={{json .}}", service
    )
    return [json.loads(line) for line in text.splitlines()]
