"""What uWSGI's master says of its workers (its stats socket), cut down to what may be shown.

It tells all headers of the requests that run. Of those only method, path and id are kept: neither a
query nor a cookie or another header gets any further than this file.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

SHOWN = ("REQUEST_METHOD", "REQUEST_URI", "HTTP_X_REQUEST_ID")
# What an absolute target has before its path, a name and password among it.
HOST = re.compile(r"^[a-z]+://[^/]*", re.IGNORECASE)
LONGEST = 200  # characters of a path


@dataclass(frozen=True)
class Running:
    """A request that a worker is at."""

    method: str
    path: str
    request_id: str
    since: float  # seconds since 1970, whole ones


@dataclass(frozen=True)
class Worker:
    """One worker."""

    number: int
    pid: int  # 0 for none: it has died, or is not needed now
    state: str
    requests: int
    respawns: int
    harakiris: int
    since: float
    cores: int
    running: list[Running] = field(default_factory=list)
    busy: int = 0


def workers(answer: bytes) -> list[Worker]:
    """Read an answer; ValueError, KeyError or TypeError if it is none.

    A worker that uWSGI has not made yet has the number 0.
    """
    found = json.loads(answer.decode(errors="replace"))
    return [worker(each) for each in found["workers"] if each["id"]]


def worker(said: dict[str, Any]) -> Worker:
    """Read what is said of one worker."""
    at_work = [each for each in said["cores"] if each["in_request"]]
    state = "dead" if not said["pid"] else said["status"]
    return Worker(
        number=said["id"],
        pid=said["pid"],
        state="cheap" if said["status"] == "cheap" else state,
        requests=said["requests"],
        respawns=said["respawn_count"],
        harakiris=said["harakiri_count"],
        since=said["last_spawn"],
        cores=len(said["cores"]),
        running=[running(each) for each in at_work],
        busy=len(at_work) if said["pid"] else 0,
    )


def running(core: dict[str, Any]) -> Running:
    """Read what is said of one request."""
    pairs = (each.partition("=") for each in core["vars"])
    told = {name: value for name, _, value in pairs if name in SHOWN}
    return Running(
        method=told.get("REQUEST_METHOD", ""),
        path=HOST.sub("", told.get("REQUEST_URI", "").partition("?")[0])[:LONGEST],
        request_id=told.get("HTTP_X_REQUEST_ID", "")[:64],
        since=core.get("req_info", {}).get("request_start") or time.time(),
    )
