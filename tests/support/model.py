"""Who is who: what a stack must make of a request, told from the definition; random requests.

The model reads headers and lists with ipaddress and nothing of ours, as decisions.py does.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import groupby
from random import Random
from typing import Any

from tests.support import raw
from tests.support.attacks import NO_REQUEST, NO_REQUESTS, REQUESTS
from tests.support.decisions import Client, Judge, unmapped
from tests.support.stacks import ROOT, Stack
from tests.support.wait import HANGS

APP = ROOT / "tests/apps/attacked"
BASE = {"APP_MODULE": "attacked:application", "UWSGI_PROCESSES": "1", "ACCESS_LOG": "off"}

PEERS = tuple(f"127.0.0.{number}" for number in range(1, 7))
TRUSTED = PEERS[:2]

# How the client is named to us; None where nobody is believed.
NAMINGS: dict[str | None, dict[str, str]] = {
    None: {},
    **{
        name: {"TRUSTED_PROXIES": ";".join(TRUSTED), "REAL_IP_HEADER": name}
        for name in ("X-Forwarded-For", "X-Real-IP", "proxy_protocol")
    },
}

# What else is served.
PAGES: dict[str, dict[str, str]] = {
    "application": {},
    "cache": {"RESPONSE_CACHE": "on"},
    "files": {"STATIC_PATH": "app/files", "STATIC_URL": "/files/", "RESPONSE_CACHE": "on"},
    "SPA": {"STATIC_PATH": "app/files", "SPA_FALLBACK": "index.html"},
}

PATHS = (
    *("/", "/x", "/api/", "/api/x?y=1", "/files/file.txt", "/files/", "/files/../x", "/file.txt"),
    *("/index.html", "/no/such", "//x", "/x/../files/file.txt", "/%66iles/file.txt", "/x%2f..%2fy"),
    *(f"/kept/{number}" for number in range(3)),
    *(f"/kept/{number}?{number}" for number in range(3)),
)
METHODS = ("GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE")
HOSTS = ("a.example", "b.example", "a.example:81")

# What names nobody: nginx stops here, and takes who said so for the client.
NOBODY = ("unknown", "_x", "for=127.0.0.3", "1.2.3", "::g")


@dataclass(frozen=True)
class Asked:
    """A request as it is sent, and what names its client."""

    peer: str
    naming: str | None
    said: tuple[str, ...]
    """What the header says, a line each; or the address of the PROXY line."""
    method: str = "GET"
    target: str = "/"
    host: str = HOSTS[0]
    cookie: str = ""
    body: str = ""
    forged: tuple[tuple[str, str], ...] = ()

    def client(self) -> str:
        """Name who asks: the last one that a trusted proxy names, and that is none itself."""
        lines = self.said[:1] if self.naming == "X-Real-IP" else self.said
        words = re.split("[ ,]+", ",".join(lines))
        found = self.peer
        for word in reversed(words if self.naming else ()):
            if str(unmapped(ip_address(found))) not in TRUSTED or not is_address(word):
                break
            found = word
        return found


def is_address(word: str) -> bool:
    """Say whether this is one."""
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def requests(random: Random, naming: str | None, names: Sequence[str]) -> Iterator[Asked]:
    """Make requests without end that name, or claim to be, some of these addresses."""
    names = (*PEERS, *names)
    while True:
        peer = random.choice(PEERS)
        claims = [claim(random, names) for _ in range(random.choice((0, 1, 1, 1, 2)))]
        if naming == "proxy_protocol":
            claims = [random.choice(names)]
        # Everybody may send what only the others of these are read from.
        others = [name for name in NAMINGS if name not in (None, "proxy_protocol", naming)]
        forged = [(str(name), random.choice(names)) for name in others if random.random() < 0.5]
        method = random.choice(METHODS)
        yield Asked(
            peer,
            naming,
            tuple(claims),
            method,
            random.choice(PATHS),
            random.choice(HOSTS),
            random.choice(("", "", "a=1", "0")),
            random.choice(("", "x", "0" * 2000)) if method in ("POST", "PUT") else "",
            tuple(forged),
        )


def claim(random: Random, names: Sequence[str]) -> str:
    """Write a line of the header: some addresses, few of them none."""
    chosen = [
        random.choice(NOBODY if random.random() < 0.1 else names)
        for _ in range(random.choice((1, 1, 1, 2, 3)))
    ]
    return random.choice((", ", ",", " , ")).join(chosen)


def mistakes(stack: Stack, entries: Sequence[str], asked: Sequence[Asked]) -> Iterator[str]:
    """Ask, and describe each answer that is not as the list and the model have it."""
    judge = Judge(entries)
    lasting = ("peer", "naming", *(("said",) if asked[0].naming == "proxy_protocol" else ()))

    def connected(each: Asked) -> tuple[Any, ...]:
        return tuple(getattr(each, name) for name in lasting)

    for _, group in groupby(sorted(asked, key=connected), connected):
        several = [*group]
        connection = opened(stack, several[0])
        try:
            for each in several:
                allowed = judge.allows(Client(each.client(), ""))
                try:
                    found = answer(connection, each)
                except (http.client.HTTPException, ConnectionError):  # nginx closes idle ones
                    connection.close()
                    connection = opened(stack, each)
                    found = answer(connection, each)
                if wrong := told(each, allowed, *found):
                    yield f"{wrong}; client {each.client()}, listed: {allowed}; {each}"
        finally:
            connection.close()


def opened(stack: Stack, asked: Asked) -> http.client.HTTPConnection:
    """Open a connection from a request's peer."""
    at = ("127.0.0.1", stack.port)
    connection = http.client.HTTPConnection(*at, HANGS, (asked.peer, 0))
    if asked.naming == "proxy_protocol":
        connection.connect()
        family = "TCP6" if ":" in asked.said[0] else "TCP4"
        here = "::1" if ":" in asked.said[0] else "127.0.0.1"
        connection.sock.sendall(f"PROXY {family} {asked.said[0]} {here} 1000 80\r\n".encode())
        connection.auto_open = 0
    return connection


def answer(connection: http.client.HTTPConnection, asked: Asked) -> tuple[int, bytes]:
    """Send a request, and return the status and the body of its answer."""
    connection.putrequest(asked.method, asked.target, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", asked.host)
    for line in asked.said if asked.naming not in (None, "proxy_protocol") else ():
        connection.putheader(str(asked.naming), line)
    for name, value in asked.forged:
        connection.putheader(name, value)
    if asked.cookie:
        connection.putheader("Cookie", asked.cookie)
    if asked.body:
        connection.putheader("Content-Length", str(len(asked.body)))
    connection.endheaders(asked.body.encode() or None)
    found = connection.getresponse()
    return found.status, found.read()


def told(asked: Asked, allowed: bool, status: int, body: bytes) -> str:
    """Say what is wrong with an answer, if anything is."""
    if not allowed:
        return "" if status == 403 and b"attacked" not in body else f"answered with {status}"
    if status == 403 or status >= 500:
        return f"answered with {status}"
    if not body.startswith(b'{"attacked"'):
        return ""
    seen = json.loads(body)["attacked"]
    meant: dict[str, Any] = {
        name: getattr(asked, name) for name in ("method", "target", "host", "cookie", "body")
    }
    if not asked.target.startswith("/kept/"):  # else it may be another's, of the same page
        seen["client"] = unmapped(ip_address(seen["client"]))
        meant["client"] = unmapped(ip_address(asked.client()))
    wrong = [name for name, value in meant.items() if seen[name] != value]
    return f"the application saw another {', '.join(wrong)}: {seen}" if wrong else ""


def odd(stack: Stack, random: Random, count: int, denied: str) -> Iterator[str]:
    """Send requests of every odd kind from a denied peer; describe each that reached anything."""
    kinds = {**REQUESTS, **NO_REQUESTS}
    for name in random.choices([*kinds], k=count):
        found = raw.send(stack, kinds[name], denied)
        if not {*raw.statuses(found)} <= NO_REQUEST or b"attacked" in found:
            yield f"{name}, from {denied}: {found[:300]!r}"
