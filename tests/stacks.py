"""A running stack to test, on the host or from the image: one interface, two launchers."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import requests
from requests.adapters import HTTPAdapter

from dev import tree
from tests.skips import leave_out
from tests.wait import wait_until

ROOT = Path(__file__).resolve().parent.parent

# What no log of a healthy stack holds.
ALARMS = re.compile(r"\[(?:emerg|alert|crit)\]|\bCRIT\b|Traceback")


class From(HTTPAdapter):
    """Send requests from a certain local address: all of 127.0.0.0/8 is ours."""

    def __init__(self, address: str) -> None:
        """Remember the address."""
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> Any:
        """Bind every connection to the address."""
        return super().init_poolmanager(*args, source_address=(self.address, 0), **kwargs)


class Stack(ABC):
    """One stack, running or ended."""

    launcher: str

    def __init__(self, settings: Mapping[str, str]) -> None:
        """Reserve a port: bound, but not listening, it is given to nobody else."""
        self.reserved = socket.socket()
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.reserved.bind(("", 0))
        self.port: int = self.reserved.getsockname()[1]
        self.settings = {"LISTEN_PORT": str(self.port), **settings}

    def get(self, path: str = "/", client: str = "127.0.0.1", **options: Any) -> requests.Response:
        """Make a request from a loopback address."""
        return self.request("GET", path, client, **options)

    def request(
        self, method: str, path: str = "/", client: str = "127.0.0.1", **options: Any
    ) -> requests.Response:
        """Make a request with any method from a loopback address."""
        server = "[::1]" if ":" in client else "127.0.0.1"
        with self.connection(client) as session:
            return session.request(
                method, f"http://{server}:{self.port}{path}", timeout=20, **options
            )

    def connection(self, client: str) -> requests.Session:
        """Make a session whose connections, kept alive, come from a loopback address."""
        session = requests.Session()
        session.trust_env = False
        session.mount("http://", From(client))
        return session

    def answers(self) -> bool:
        """Say whether anything answers on the port."""
        try:
            return self.get().status_code > 0
        except requests.ConnectionError:
            return False

    def wait_until_ready(self) -> None:
        """Wait until the application answers, whatever ALLOWED says of us."""
        self.wait_until(lambda: self.run("./entrypoint.py", "healthy").returncode == 0)

    def wait_until(self, predicate: Any, timeout: float = 20.0) -> Any:
        """Wait for something while the stack lives."""
        return wait_until(predicate, timeout=timeout, alive=self.alive, report=self.log)

    def wait_until_gone(self, timeout: float = 20.0) -> int:
        """Wait for the end and return the exit status."""
        wait_until(lambda: not self.alive(), timeout=timeout, report=self.log)
        return self.exit_status()

    def lines(self, *words: str) -> list[str]:
        """Find the log's lines that hold all these words."""
        return [line for line in self.log().splitlines() if all(word in line for word in words)]

    def processes(self, name: str) -> list[int]:
        """List the process ids of nginx or uwsgi, the master first."""
        mine = []
        for pid in self.pids():
            try:
                title = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
            except OSError:
                continue
            # Both write what they are there; the kernel's own name for them can be a thread's.
            if title.lower().startswith(name):
                mine.append(("master" not in title, pid))
        return [pid for _, pid in sorted(mine)]

    def close(self) -> None:
        """End the stack, and fail if anything of it stays behind."""
        self.reserved.close()
        if self.alive():
            self.signal(signal.SIGTERM)
        try:
            wait_until(lambda: not self.alive(), timeout=15, report=self.log)
        finally:
            self.remove()

    @abstractmethod
    def start(self) -> None:
        """Start, without waiting."""

    @abstractmethod
    def alive(self) -> bool:
        """Say whether the main process runs."""

    @abstractmethod
    def exit_status(self) -> int:
        """Return the main process's exit status."""

    @abstractmethod
    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the main process."""

    @abstractmethod
    def log(self) -> str:
        """Return all that was written to stdout and stderr."""

    @abstractmethod
    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the stack, in the root of its tree."""

    @abstractmethod
    def copy(self, folder: Path) -> Path:
        """Copy the configuration, with what was generated, into a folder."""

    @abstractmethod
    def pids(self) -> list[int]:
        """List the stack's process ids, as this machine sees them."""

    @abstractmethod
    def changed(self) -> set[str]:
        """Name what was written, outside run/, since the start."""

    @abstractmethod
    def remove(self) -> None:
        """Leave nothing behind."""


class HostStack(Stack):
    """The entrypoint in a copy of the tree, on this machine."""

    launcher = "host"
    limited = False

    def __init__(self, settings: Mapping[str, str], folder: Path) -> None:
        """Lay out the tree in an empty folder."""
        super().__init__(settings)
        self.root = folder / "tree"
        tree.lay(self.root)
        self.output = folder / "log"
        self.environ = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **self.settings,
        }
        self.sessions: set[int] = set()
        self.before = self.files()

    def use(self, app: Path | None, conf: Path | None) -> None:
        """Put other folders in the place of app/ and conf/."""
        if app:
            (self.root / "app").unlink()
            (self.root / "app").symlink_to(app)
        if conf:
            shutil.rmtree(self.root / "conf")
            shutil.copytree(conf, self.root / "conf")
        self.before = self.files()

    def limit(self, size: str) -> None:
        """Make run/ a tmpfs of this size, which root alone can."""
        run = self.root / "run"
        run.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(run)]
        mounted = subprocess.run(command, capture_output=True, text=True)
        if mounted.returncode:
            leave_out(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
        self.limited = True

    def start(self) -> None:
        """Start the entrypoint in a session of its own, its output in a file."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "entrypoint.py"],
                cwd=self.root,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.sessions.add(self.process.pid)

    def alive(self) -> bool:
        """Ask for the entrypoint's process, which became supervisord."""
        return self.process.poll() is None

    def exit_status(self) -> int:
        """Return what the process left with; a signal's number counts below zero."""
        return self.process.wait(0)

    def signal(self, number: signal.Signals) -> None:
        """Signal the process that was started."""
        self.process.send_signal(number)

    def log(self) -> str:
        """Read the file that the output went to."""
        return self.output.read_text(errors="replace")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run with the virtual environment's programs first, as the image does."""
        path = os.pathsep.join([f"{sys.prefix}/bin", self.environ["PATH"]])
        return subprocess.run(
            command,
            cwd=self.root,
            env={**self.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def copy(self, folder: Path) -> Path:
        """It lies here already."""
        return self.root

    def pids(self) -> list[int]:
        """Find the processes of our session, and those that work in the tree: nothing else does.

        The application itself works in its own folder, which other stacks may have too.
        """
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                state, *numbers = (entry / "stat").read_text().rpartition(")")[2].split()
                ours = int(numbers[2]) in self.sessions and state != "Z"
                if ours or (entry / "cwd").readlink() == self.root:
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def files(self) -> dict[str, float]:
        """Map every path outside run/ to the time of its last change."""
        paths = [self.root, *self.root.rglob("*")]
        names = {
            path.relative_to(self.root): path for path in paths if "__pycache__" not in str(path)
        }
        return {
            str(name): path.lstat().st_mtime
            for name, path in names.items()
            if name.parts[:1] not in ((), ("run",))
        }

    def changed(self) -> set[str]:
        """Compare with what was laid out."""
        now = self.files()
        return {name for name in now | self.before if now.get(name) != self.before.get(name)}

    def remove(self) -> None:
        """Kill what is left, and say so: nothing may be, a moment after it was killed."""
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self.pids(), timeout=2)
        left = self.pids()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        if self.limited:
            subprocess.run(["umount", self.root / "run"], check=True)
        assert not left, f"processes {left} outlived the stack\n{self.log()}"


class ImageStack(Stack):
    """The image, with this machine's network, so that the same loopback clients reach it."""

    launcher = "image"

    def __init__(
        self, settings: Mapping[str, str], image: str, options: tuple[str, ...] = ()
    ) -> None:
        """Choose a name."""
        super().__init__(settings)
        self.name = f"nginx-python3-test-{uuid.uuid4().hex[:12]}"
        self.image = image
        self.options = ("--network=host", *options)

    def start(self) -> None:
        """Start a container, detached."""
        environment = [f"--env={name}={value}" for name, value in self.settings.items()]
        docker("run", "--detach", f"--name={self.name}", *self.options, *environment, self.image)

    def alive(self) -> bool:
        """Ask the engine."""
        return self.inspect("{{.State.Running}}") == "true"

    def exit_status(self) -> int:
        """Ask the engine for the status that a restart policy would see."""
        return int(self.inspect("{{.State.ExitCode}}"))

    def inspect(self, template: str) -> str:
        """Ask the engine about the container."""
        return docker("inspect", f"--format={template}", self.name).stdout.strip()

    def signal(self, number: signal.Signals) -> None:
        """Have the engine signal the container's PID 1."""
        docker("kill", f"--signal={number.name}", self.name)

    def log(self) -> str:
        """Read stdout and stderr from the engine."""
        return docker("logs", self.name, stderr=subprocess.STDOUT).stdout

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run inside the container, as its user."""
        return docker("exec", self.name, *command, check=False)

    def copy(self, folder: Path) -> Path:
        """Ask the engine for it."""
        for name in ("conf", "run"):
            docker("cp", f"{self.name}:/srv/{name}", str(folder))
        return folder

    def pids(self) -> list[int]:
        """Ask the engine."""
        return [int(line.split()[1]) for line in docker("top", self.name).stdout.splitlines()[1:]]

    def changed(self) -> set[str]:
        """Ask the engine what differs from the image."""
        paths = [line.split()[1] for line in docker("diff", self.name).stdout.splitlines()]
        return {path for path in paths if path != "/srv" and not path.startswith("/srv/run")}

    def remove(self) -> None:
        """Remove the container."""
        docker("rm", "--force", "--volumes", self.name)


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
        timeout=120,
    )
    if check and answer.returncode:
        fail(f"docker {' '.join(arguments)}: {answer.returncode}\n{answer.stdout}{answer.stderr}")
    return answer


def fail(text: str) -> NoReturn:
    """Fail the test."""
    raise AssertionError(text)
