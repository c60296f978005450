"""Our stack: the entrypoint on this host, and the image."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from benchmarks import HERE, processes
from benchmarks.stacks import STOP, Programs, Stack
from dev import Problem, tree
from dev.signals import held


class Host(Programs):
    """Our entrypoint, in a tree of its own."""

    def __init__(self, folder: Path, port: int, settings: dict[str, str]) -> None:
        """Lay the tree, with the benchmarks' application in it."""
        super().__init__(folder, port)
        tree.lay(folder)
        (folder / "app").unlink()
        (folder / "app").symlink_to(HERE / "app")
        self.environ |= {"LISTEN_PORT": str(port), **settings}

    def start(self) -> None:
        """Start the entrypoint."""
        self.began = time.time()
        self.run(sys.executable, "entrypoint.py")

    def watch(self) -> None:
        """Note when the entrypoint has become supervisord."""
        with suppress(OSError):
            command = Path(f"/proc/{self.running[0].pid}/cmdline").read_bytes()
            if self.prepared is None and b"stack.supervision" in command:
                self.prepared = time.time() - self.began


class Image(Stack):
    """Our image, in this host's network, where the same clients reach it in the same way."""

    def __init__(self, folder: Path, port: int, settings: dict[str, str], image: str) -> None:
        """Choose a name."""
        super().__init__(folder, port)
        self.name = f"nginx-python3-bench-{uuid.uuid4().hex[:12]}"
        self.image = image
        self.settings = {"LISTEN_PORT": str(port), **settings}

    def start(self) -> None:
        """Start a container, and note how long the engine took."""
        environment = [f"--env={name}={value}" for name, value in self.settings.items()]
        began = time.time()
        # Whole, or an engine that is asked twice at once would make it after we have removed it.
        with held():
            docker("run", "--detach", f"--name={self.name}", "--network=host",
                   f"--volume={HERE}/app:/srv/app:ro", *self.lists(), *environment,
                   self.image)  # fmt: skip
        started, pid = docker(
            "inspect", "--format={{.State.StartedAt}} {{.State.Pid}}", self.name
        ).split()
        self.main = int(pid)
        # Docker writes nanoseconds, Python reads microseconds.
        at = datetime.fromisoformat(f"{started.rstrip('Z')[:26]}+00:00").timestamp()
        self.engine, self.began = at - began, at

    def lists(self) -> list[str]:
        """Have a file that a setting names seen under the same name inside."""
        paths = [value for name, value in self.settings.items() if name.endswith("_FILE")]
        return [f"--volume={path}:{path}:ro" for path in paths]

    def watch(self) -> None:
        """Note when the entrypoint wrote the last file before it became supervisord."""
        with suppress(OSError):
            files = list(Path(f"/proc/{self.main}/root/srv/run").glob("*.conf"))
            if files:
                self.prepared = max(file.stat().st_mtime for file in files) - self.began

    def alive(self) -> bool:
        """Ask the engine."""
        return docker("inspect", "--format={{.State.Running}}", self.name).strip() == "true"

    def pids(self) -> list[int]:
        """List the container's processes, but for health checks."""
        return processes.descendants([self.main])

    def stop(self) -> None:
        """Stop and remove the container."""
        with held():
            mine = self.pids() if hasattr(self, "main") else []
            with suppress(Problem):
                docker("stop", f"--time={STOP}", self.name)
            with suppress(Problem):
                docker("rm", "--force", "--volumes", self.name)
            processes.end(mine, self.name)

    def log(self) -> str:
        """Ask the engine."""
        return docker("logs", "--tail=20", self.name)


def docker(*arguments: str) -> str:
    """Run the docker command line, where Ctrl-C does not reach it, and return what it says."""
    answer = subprocess.run(
        ["docker", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        start_new_session=True,
    )  # fmt: skip
    if answer.returncode:
        raise Problem(f"docker {arguments[0]}: {answer.stderr.strip()}")
    return answer.stdout
