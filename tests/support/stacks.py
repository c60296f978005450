"""A running stack to test: what host.py and image.py have in common."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NoReturn

import psutil
import requests
from requests.adapters import HTTPAdapter

from tests.support import processes
from tests.support.wait import HANGS, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent

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


def reserve(port: int = 0) -> socket.socket:
    """Bind a port of IPv4 and IPv6, a free one for 0: until one listens there, nobody gets it."""
    both = socket.has_dualstack_ipv6()
    reserved = socket.socket(socket.AF_INET6 if both else socket.AF_INET)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if both:
        reserved.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    reserved.bind(("", port))
    return reserved


class Stack(ABC):
    """One stack, running or ended."""

    launcher: str
    pid: int  # of the main process, as this machine sees it

    def __init__(self, settings: Mapping[str, str], port: int = 0) -> None:
        """Reserve a port, any if none is given."""
        self.reserved = reserve(port)
        self.port: int = self.reserved.getsockname()[1]
        self.settings = {"LISTEN_PORT": str(self.port), **settings}
        if "TLS_CERTIFICATE_FILE" in settings:
            self.reserved_for_tls = reserve()
            self.tls_port: int = self.reserved_for_tls.getsockname()[1]
            self.settings.setdefault("TLS_PORT", str(self.tls_port))

    def get(self, path: str = "/", client: str = "127.0.0.1", **options: Any) -> requests.Response:
        """Make a request from a loopback address."""
        return self.request("GET", path, client, **options)

    def request(
        self, method: str, path: str = "/", client: str = "127.0.0.1", **options: Any
    ) -> requests.Response:
        """Make a request with any method from a loopback address."""
        server = "[::1]" if ":" in client else "127.0.0.1"
        with self.connection(client) as session:
            url = f"http://{server}:{self.port}{path}"
            return session.request(method, url, **{"timeout": HANGS, **options})

    def https(
        self,
        path: str = "/",
        client: str = "127.0.0.1",
        method: str = "GET",
        **options: Any,
    ) -> requests.Response:
        """Make a request by TLS, without asking who it is; cert is a client's certificate."""
        server = "[::1]" if ":" in client else "127.0.0.1"
        with self.connection(client) as session:
            options = {"verify": False, "allow_redirects": False, **options}
            url = f"https://{server}:{self.tls_port}{path}"
            return session.request(method, url, timeout=HANGS, **options)

    def connection(self, client: str) -> requests.Session:
        """Make a session whose connections, kept alive, come from a loopback address."""
        session = requests.Session()
        session.trust_env = False
        session.mount("http://", From(client))
        session.mount("https://", From(client))
        return session

    def answers(self) -> bool:
        """Say whether anything answers on the port."""
        try:
            return self.get().status_code > 0
        except requests.ConnectionError:
            return False

    def wait_until_ready(self) -> None:
        """Wait until the application answers, whatever ALLOWED says of us, and all have loaded it.

        Else a test that changes the application would change it under those that still import it.
        """
        self.wait_until(self.healthy)
        self.wait_until(self.loaded)

    def loaded(self) -> bool:
        """Say whether all workers have the application: each tells the kernel, or uWSGI's master
        has imported it for them.
        """
        if self.preloaded():
            return True
        return {processes.name(pid) for pid in self.processes("uwsgi worker")} == {"uwsgi-loaded"}

    def preloaded(self) -> bool:
        """Say whether uWSGI's master has imported the application for its workers."""
        there = "run/uwsgi/preloaded"
        try:
            return Path(f"/proc/{self.pid}/cwd", there).exists()
        except PermissionError:  # only root may look into a container
            return self.run("test", "-e", there).returncode == 0

    def healthy(self) -> bool:
        """Ask for what the health check asks for, at less cost than by running it.

        And than with requests, which takes 2 ms to find out that nobody listens yet.
        """
        connection = HTTPConnection("127.255.255.254", self.port, timeout=HANGS)
        try:
            connection.request("GET", "/ready")
            answer = connection.getresponse()
            answer.read()
            return answer.status < 500
        except ConnectionError:
            return False
        finally:
            connection.close()

    def wait_until(self, predicate: Any, timeout: float = HANGS) -> Any:
        """Wait for something while the stack lives."""
        return wait_until(predicate, timeout=timeout, alive=self.alive, report=self.log)

    def wait_until_gone(self, timeout: float = HANGS) -> int:
        """Wait for the end and return the exit status."""
        wait_until(lambda: not self.alive(), timeout=timeout, report=self.log)
        return self.exit_status()

    def lines(self, *words: str) -> list[str]:
        """Find the log's lines that hold all these words."""
        return [line for line in self.log().splitlines() if all(word in line for word in words)]

    def says(self, *words: str, count: int = 1) -> list[str]:
        """Wait for so many lines with all these words: it takes a while until they are there."""
        self.wait_until(lambda: len(self.lines(*words)) >= count)
        return self.lines(*words)

    def processes(self, name: str) -> list[int]:
        """List the process ids of nginx or uwsgi, the master first."""
        return [pid for _, pid in self.titled(name)]

    def titled(self, name: str) -> list[tuple[bool, int]]:
        """Say of each process of nginx or uwsgi whether it is other than a master, and its id."""
        mine = []
        for pid in self.pids():
            with suppress(psutil.NoSuchProcess):
                # Both write what they are there; the kernel's own name for them can be a thread's.
                title = " ".join(psutil.Process(pid).cmdline())
                if title.lower().startswith(name):
                    mine.append(("master" not in title, pid))
        return sorted(mine)

    def crew(self, name: str, workers: int) -> list[int]:
        """Wait until a program has one master and so many workers, and list them."""

        def complete() -> list[int]:
            found = self.titled(name)
            whole = [worker for worker, _ in found] == [False] + [True] * workers
            return [pid for _, pid in found] if whole else []

        found: list[int] = self.wait_until(complete)
        return found

    def listens(self) -> bool:
        """Say whether the port takes new connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), HANGS).close()
        except ConnectionError:
            return False
        return True

    def close(self) -> None:
        """End the stack, and fail if anything of it stays behind."""
        self.reserved.close()
        if "TLS_CERTIFICATE_FILE" in self.settings:
            self.reserved_for_tls.close()
        with suppress(AssertionError, ProcessLookupError):  # it may end by itself at this moment
            if self.alive():
                self.signal(signal.SIGTERM)
        try:
            wait_until(lambda: not self.alive(), report=self.log)
        finally:
            self.remove()

    @abstractmethod
    def start(self) -> None:
        """Start, without waiting."""

    @abstractmethod
    def start_again(self) -> None:
        """Start in the same place once it has ended, and wait until it is ready."""

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
    def pids(self) -> list[int]:
        """List the stack's process ids, as this machine sees them."""

    @abstractmethod
    def changed(self) -> set[str]:
        """Name what was written, outside run/, since the start."""

    @abstractmethod
    def remove(self) -> None:
        """Leave nothing behind."""


def fail(text: str) -> NoReturn:
    """Fail the test."""
    raise AssertionError(text)
