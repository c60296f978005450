"""Requests of every kind, many at a time, and what came back: to be held against the counts."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from contextlib import suppress

from tests.support.stacks import Stack

# What nginx's counting has a name for.
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
STATUSES = (200, 201, 202, 301, 400, 401, 404, 409, 418, 429, 500, 503, 507)

# What could be taken for something else, were it counted from a log that a client has a say in.
FORGED = (
    '/status/404?"status":200,"method":"POST"',
    "/status/404?%0a200:GET:-:-%200.001%20-%201%201%0a",
    '/status/404?x"%20200%2013%20"-"%20"-"',
    "/status/404?" + "a" * 5000 + '"status":200,',
)
AGENT = '\\"status\\":200, "status":200 200:GET:-:- 0.000 - 1 1'

PATIENCE = 30


class Traffic:
    """Some clients at work at the same time, each with one connection for one request."""

    def __init__(self, stack: Stack, clients: int = 4, seed: int = 1) -> None:
        """Prepare; start() begins."""
        self.stack = stack
        self.answers: Counter[tuple[str, int]] = Counter()
        self.unanswered = 0
        self.lock = threading.Lock()
        self.enough = threading.Event()
        self.threads = [
            threading.Thread(target=self.work, args=(random.Random(seed + number),), daemon=True)  # noqa: S311
            for number in range(clients)
        ]

    def start(self, most: int = 1_000_000, pause: float = 0.0) -> None:
        """Make requests until so many are answered; the pause after each is in seconds."""
        self.most, self.pause = most, pause
        for each in self.threads:
            each.start()

    def done(self) -> int:
        """Say how many have been answered."""
        with self.lock:
            return sum(self.answers.values())

    def stop(self) -> Counter[tuple[str, int]]:
        """Make no more requests, and give the answers by method and status."""
        self.enough.set()
        return self.finish()

    def finish(self) -> Counter[tuple[str, int]]:
        """Wait until all have been made, and give the answers by method and status."""
        for each in self.threads:
            each.join()
        return self.answers

    def work(self, choice: random.Random) -> None:
        """Be one client."""
        while self.done() < self.most and not self.enough.wait(self.pause):
            method, target = choice.choice((*METHODS, "FOO")), choice.choice(FORGED)
            if choice.random() < 0.9:
                target = f"/status/{choice.choice(STATUSES)}?{choice.random()}"
            status = self.ask(method, target)
            with self.lock:
                if status:
                    self.answers[method if method in METHODS else "_OTHER", status] += 1
                else:
                    self.unanswered += 1
            if not status:
                self.enough.wait(0.05)

    def ask(self, method: str, target: str) -> int:
        """Make one request, and give its status; 0 for none."""
        head = f"{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
        head += f"User-Agent: {AGENT}\r\nReferer: {AGENT}\r\nContent-Length: 0\r\n\r\n"
        answer = b""
        server = "127.0.0.1", self.stack.port
        with suppress(OSError), socket.create_connection(server, PATIENCE) as connection:
            connection.sendall(head.encode())
            while more := connection.recv(65536):
                answer += more
        words = answer.split(b" ", 2)
        return int(words[1]) if len(words) == 3 else 0
