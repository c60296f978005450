"""The stacks that are not ours: programs of this host and their configuration files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from benchmarks import HERE
from dev import Problem
from dev.packages import search_path
from tests.support import processes

STOP = 15  # seconds for each program's stop
BIN = Path(sys.prefix) / "bin"


class Other:
    """Somebody else's stack, or a part of one; each program has a session of its own."""

    def __init__(self, folder: Path, port: int, commands: list[list[str]], listen: str) -> None:
        """Lay the files; {cpus} in a command stands for the number of CPUs."""
        self.folder, self.port = folder, port
        self.running: list[subprocess.Popen[bytes]] = []
        for path in (HERE / "conf").iterdir():
            shutil.copy(path, folder)
        (folder / "app").symlink_to(HERE / "app")
        (folder / "listen.conf").write_text(f"listen 127.0.0.1:{port}{listen};\n")
        cpus = len(os.sched_getaffinity(0))
        words = {"port": str(port), "cpus": str(cpus), "more": str(2 * cpus + 1)}
        self.commands = [[word.format(**words) for word in command] for command in commands]
        self.environ = {
            "HOME": str(folder),
            "PATH": f"{BIN}:{search_path()}",
            "PORT": str(port),
            "PROCESSES": str(cpus),
            "PYTHONPATH": "app",
            "VIRTUAL_ENV": sys.prefix,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def start(self) -> None:
        """Start all of them; a proxy may come before what it passes requests to."""
        # nginx would give its workers to nobody, who may not open the application's socket.
        nginx = ["-g", f"daemon off; {'user root;' if os.geteuid() == 0 else ''}"]
        with (self.folder / "log").open("ab") as log:
            for command in self.commands:
                self.running.append(subprocess.Popen(
                    [*command, *(nginx if command[0] == "nginx" else [])],
                    cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, start_new_session=True,
                ))  # fmt: skip

    def alive(self) -> bool:
        """Tell whether all of them run."""
        return all(each.poll() is None for each in self.running)

    def pids(self) -> list[int]:
        """List the processes of their sessions and of their folder."""
        return processes.at_work({each.pid for each in self.running}, self.folder)

    def log(self) -> str:
        """Read the file that all of them write to."""
        return (self.folder / "log").read_text(errors="replace")

    def close(self) -> None:
        """Tell them to end, the last first."""
        for each in reversed(self.running):
            each.terminate()
            with suppress(subprocess.TimeoutExpired):
                each.wait(STOP)
        if left := processes.outlived(self.pids):
            raise Problem(f"{self.folder.name} left processes behind, which are killed now: {left}")
