"""A stack in a container."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docker import APIClient

from tests.support import processes
from tests.support.stacks import Stack, fail, reserve

HARDENED = (
    "--read-only",
    "--tmpfs=/srv/run",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)


class ImageStack(Stack):
    """The image, with this machine's network, so that the same loopback clients reach it."""

    launcher = "image"

    def __init__(
        self,
        settings: Mapping[str, str],
        image: str,
        options: tuple[str, ...] = (),
        port: int = 0,
    ) -> None:
        """Choose a name."""
        super().__init__(settings, port)
        self.name = f"nginx-python3-test-{uuid.uuid4().hex[:12]}"
        self.image = image
        # The engine would run the health check on and on, and ours is a matter of its own tests.
        health = [] if any("--health" in option for option in options) else ["--no-healthcheck"]
        self.options = ("--network=host", *health, *options)

    def start(self) -> None:
        """Start a container, detached."""
        environment = [f"--env={name}={value}" for name, value in self.settings.items()]
        docker("run", "--detach", f"--name={self.name}", *self.options, *environment, self.image)
        self.pid = self.state()["Pid"]

    def start_again(self) -> None:
        """Start the same container."""
        docker("start", self.name)
        self.pid = self.state()["Pid"]
        self.wait_until_ready()

    def healthy(self) -> bool:
        """Ask from outside, unless its network is its own."""
        if "--network=host" in self.options:
            return super().healthy()
        return self.run("./entrypoint.py", "healthy").returncode == 0

    def alive(self) -> bool:
        """Ask the kernel for PID 1, as this machine sees it: the engine takes longer to answer."""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def exit_status(self) -> int:
        """Have the engine note the end, and give the status that a restart policy would see."""
        return int(engine().wait(self.name)["StatusCode"])

    def state(self) -> dict[str, Any]:
        """Ask the engine how the container is: `.State` of `docker inspect`."""
        found: dict[str, Any] = engine().inspect_container(self.name)["State"]
        return found

    def signal(self, number: signal.Signals) -> None:
        """Signal the container's PID 1; by the engine, which takes longer, where only it may."""
        try:
            os.kill(self.pid, number)
        except PermissionError:
            docker("kill", f"--signal={number.name}", self.name)

    def log(self) -> str:
        """Read stdout and stderr from the engine."""
        said: bytes = engine().logs(self.name)
        return said.decode(errors="replace")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run inside the container, as its user."""
        return docker("exec", self.name, *command, check=False)

    def pids(self) -> list[int]:
        """List what descends from PID 1: what the engine executes beside it does not."""
        return processes.descending(self.pid)

    def changed(self) -> set[str]:
        """Ask the engine what differs from the image."""
        paths = [line.split()[1] for line in docker("diff", self.name).stdout.splitlines()]
        return {path for path in paths if path != "/srv" and not path.startswith("/srv/run")}

    def remove(self) -> None:
        """Remove the container."""
        engine().remove_container(self.name, v=True, force=True)


@functools.cache
def engine() -> APIClient:
    """Connect to the engine that the docker command uses.

    What each test asks for several times is asked so: a call of the command takes 13 ms of CPU.
    """
    host = docker("context", "inspect", "--format={{.Endpoints.docker.Host}}").stdout.strip()
    return APIClient(base_url=host, timeout=300)


def docker(
    *arguments: str, check: bool = True, stderr: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run the docker command line; show what it said if it fails."""
    answer = subprocess.run(
        ["docker", *arguments],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        errors="replace",
        timeout=300,
        start_new_session=True,  # Ctrl-C does not reach it: what the engine began gets its end
    )
    if check and answer.returncode:
        fail(f"docker {' '.join(arguments)}: {answer.returncode}\n{answer.stdout}{answer.stderr}")
    return answer


def once(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a container of these options, image and command to its end, and remove it.

    With this machine's network: to make one takes as much CPU as all the rest. So its port is free.
    """
    with reserve() as reserved:
        port = f"--env=LISTEN_PORT={reserved.getsockname()[1]}"
        return docker("run", "--rm", "--network=host", port, *arguments, check=check)
