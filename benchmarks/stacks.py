"""A stack that runs on a loopback port, and the ones that are not ours."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from benchmarks import HERE, processes
from dev import Problem
from dev.packages import search_path
from dev.signals import held

PATIENCE = 60  # seconds for a start
STOP = 15  # seconds for a stop, of which ours may take 8
BIN = Path(sys.prefix) / "bin"


class Stack(ABC):
    """Something that serves on 127.0.0.1, from start to stop."""

    def __init__(self, folder: Path, port: int) -> None:
        """Choose an empty folder and a free port; start nothing."""
        self.folder, self.port = folder, port
        # Seconds from the start to the first 200, and to supervisord where there is one.
        self.first_answer = 0.0
        self.prepared: float | None = None

    def __enter__(self) -> Stack:
        """Start, and return when it answers with 200."""
        began = time.time()
        try:
            self.start()
            self.await_answer()
        except BaseException:
            self.stop()
            raise
        self.first_answer = time.time() - began
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and make sure that nothing is left."""
        self.stop()

    def url(self, path: str = "/") -> str:
        """Name a page."""
        return f"http://127.0.0.1:{self.port}{path}"

    def await_answer(self) -> None:
        """Ask until the answer is 200."""
        deadline = time.monotonic() + PATIENCE
        while self.status() != 200:
            self.watch()
            if time.monotonic() > deadline or not self.alive():
                raise Problem(f"{self.folder.name} does not answer; its log ends:\n{self.log()}")
            time.sleep(0.005)

    def status(self, path: str = "/") -> int:
        """Ask once; 0 if there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def watch(self) -> None:  # noqa: B027 - most have nothing to look at
        """Look at what happens during the start."""

    @abstractmethod
    def start(self) -> None:
        """Start, without waiting."""

    @abstractmethod
    def alive(self) -> bool:
        """Tell whether all that was started runs."""

    @abstractmethod
    def pids(self) -> list[int]:
        """List all of its processes."""

    @abstractmethod
    def stop(self) -> None:
        """Stop, and make sure that nothing is left."""

    @abstractmethod
    def log(self) -> str:
        """Give the end of what it wrote."""


class Programs(Stack):
    """Programs of this host, each in a session of its own and its output in one file."""

    def __init__(self, folder: Path, port: int) -> None:
        """Start with none."""
        super().__init__(folder, port)
        self.running: list[subprocess.Popen[bytes]] = []
        self.environ = {"HOME": str(folder), "PATH": f"{BIN}:{search_path()}"}

    def run(self, *command: str) -> None:
        """Start one more."""
        with (self.folder / "log").open("ab") as log:
            self.running.append(subprocess.Popen(
                command, cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            ))  # fmt: skip

    def alive(self) -> bool:
        """Tell whether all of them run."""
        return all(each.poll() is None for each in self.running)

    def pids(self) -> list[int]:
        """List them and what descends from them."""
        return processes.descendants([each.pid for each in self.running])

    def stop(self) -> None:
        """Tell them to end, the last first."""
        with held():
            mine = self.pids()
            for each in reversed(self.running):
                each.terminate()
                with suppress(subprocess.TimeoutExpired):
                    each.wait(STOP)
            processes.end(mine, self.folder.name)
            processes.reap()

    def log(self) -> str:
        """Give the file's end."""
        return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-20:])


class Other(Programs):
    """Somebody else's stack, or a part of one: commands in a folder with configuration files."""

    def __init__(
        self, folder: Path, port: int, commands: list[list[str]], listen: str, cpus: int
    ) -> None:
        """Lay the files; {cpus} in a command stands for the number of CPUs."""
        super().__init__(folder, port)
        for path in (HERE / "conf").iterdir():
            shutil.copy(path, folder)
        (folder / "app").symlink_to(HERE / "app")
        (folder / "listen.conf").write_text(f"listen 127.0.0.1:{port}{listen};\n")
        words = {"port": str(port), "cpus": str(cpus), "more": str(2 * cpus + 1)}
        self.commands = [[word.format(**words) for word in command] for command in commands]
        self.environ |= {
            "PORT": str(port),
            "PROCESSES": str(cpus),
            "PYTHONPATH": "app",
            "VIRTUAL_ENV": sys.prefix,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def start(self) -> None:
        """Start all of them; a proxy may come before what it passes requests to."""
        for command in self.commands:
            # nginx would give its workers to nobody, who may not open the application's socket.
            root = ["-g", "daemon off; user root;"] if os.geteuid() == 0 else ["-g", "daemon off;"]
            self.run(*command, *(root if command[0] == "nginx" else []))
