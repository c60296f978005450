"""What nginx's lines mean.

Facts come from the lines that conf/nginx.conf has it write beside the access log's, one for each
request that was denied or not answered. They begin with a tab, and have tabs between their fields:
nginx writes none of those that a client sends. Its error log is no such source. It quotes requests
as they are, line ends in a path included, and so anybody could add a line to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from stack.machine.text import safe

EVENT = b"\t"

DENIED = b"denied"
UNWELL = b"unwell"
BY_TLS = b"refused by tls"
RATE = b"rate"
CONNECTIONS = b"connections"

# Of these it is counted whom they concern.
OF_CLIENTS = (DENIED, BY_TLS, RATE, CONNECTIONS)

# These are shown as they are; of the others it is said when, and that it is a warning.
TURNED_AWAY = (DENIED, BY_TLS)

# Characters of a client's text that are shown.
MOST = 300

# Errors of a kind that are shown before they are counted.
MOST_ERRORS = 10

# Clients that a summary names.
NAMED = 5


class Event(NamedTuple):
    """The fields of such a line, as `log_format event` has them."""

    kind: bytes
    client: bytes
    status: bytes
    took: bytes
    id: bytes
    method: bytes
    uri: bytes
    source: bytes
    peer: bytes
    request: bytes


@dataclass(frozen=True)
class Kind:
    """What is said of an event, and of many."""

    says: str
    summary: str
    most: int = 1  # how many are shown before they are counted


REQUEST = "{status}: {method} {path} ({id}): "
KINDS = {
    DENIED: Kind(
        'denied: ALLOWED does not contain {client}, taken from {source} (peer {peer}): "{request}"',
        "{times} requests were denied, as ALLOWED does not contain: {clients}",
        most=10,
    ),
    BY_TLS: Kind(
        'turned away: {source}: {client} (peer {peer}): "{request}"',
        "{times} requests were turned away for want of TLS or of a client's certificate, of: "
        "{clients}",
        most=10,
    ),
    b"busy": Kind(
        REQUEST + "as many requests as MAX_QUEUED_REQUESTS allows were waiting; if that lasts, "
        "raise UWSGI_PROCESSES, or find out what takes long (the access log's last fields)",
        "{times} requests were answered with 503: as many as MAX_QUEUED_REQUESTS allows were "
        "waiting",
    ),
    RATE: Kind(
        REQUEST + "{client} made more requests than RATE_LIMIT allows; is it one client, or an "
        "address that stands for many?",
        "{times} requests were answered with 429, as these made more than RATE_LIMIT allows: "
        "{clients}",
        most=10,
    ),
    CONNECTIONS: Kind(
        REQUEST + "{client} has as many requests under way as CONNECTION_LIMIT allows; is it one "
        "client, or an address that stands for many?",
        "{times} requests were answered with 429, as these had more under way than "
        "CONNECTION_LIMIT allows: {clients}",
        most=10,
    ),
    b"away": Kind(
        REQUEST + "uWSGI was away; why it ended, or that it still starts, is in the lines before",
        "{times} requests were answered with 503: uWSGI was away",
    ),
    b"lost": Kind(
        REQUEST + "the worker that had the request ended without an answer; the lines around this "
        "one say why",
        "{times} requests were lost with the workers that had them",
    ),
    b"late": Kind(
        REQUEST + "the application took {took} s, and REQUEST_TIMEOUT allows no more; raise it, or "
        "have the application do long work elsewhere",
        "{times} requests were answered with 504: the application took longer than REQUEST_TIMEOUT "
        "allows",
    ),
    UNWELL: Kind(
        "the health check was not answered by the application: it still starts, or is busy, or "
        "hangs; docker exec NAME healthy says which status there is now",
        "{times} health checks were not answered by the application",
    ),
}


def is_event(line: bytes) -> bool:
    """Tell an event from a line of the access log."""
    return line.startswith(EVENT) and line.count(EVENT) == len(Event._fields)


def kind_and_client(line: bytes) -> tuple[bytes, bytes]:
    """Read an event's kind, and whom it concerns if that is to be counted."""
    _, kind, client, _ = line.split(EVENT, 3)
    return kind, client if kind in OF_CLIENTS else b""


def most(kind: bytes) -> int:
    """Say how many of a kind are shown before they are counted."""
    return KINDS[kind].most if kind in KINDS else MOST_ERRORS


def told(line: bytes) -> str:
    """Write an event as a sentence."""
    event = Event(*line.split(EVENT)[1:])
    if event.kind not in KINDS:
        return safe(line, MOST)
    fields = {name: safe(text, MOST) for name, text in event._asdict().items()}
    fields["peer"] = event.peer.decode()  # with what to do about it, which is ours and long
    return KINDS[event.kind].says.format(**fields, path=safe(event.uri.partition(b"?")[0], MOST))


# The error log. Its messages begin with what nginx has to say; what a client has sent comes later.
ERROR = re.compile(rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(\w+)\] \d+#\d+: (?:\*\d+ )?")

# No target of a request has a blank in it: so the fields before the upstream are not to be forged.
REQUESTED = (
    rb", client: (?P<client>[^ ,]+), server: [^ ,\"]*, "
    rb'request: "(?P<method>[^ ]+) (?P<uri>[^ ]+) HTTP/[0-9.]+", '
    rb'(?:subrequest: "[^ "]*", )?upstream: '
)
# What an event tells as well, but of the health check's requests, which have none.
TOLD = re.compile(
    rb"(?:no live upstreams while connecting to upstream"
    rb"|connect\(\) to unix:run/uwsgi\.sock failed \(\d+: [\w ]+\) while connecting to upstream"
    rb"|(?:upstream timed out|(?:recv|send|writev)\(\) failed) \(\d+: [\w ]+\) while "
    rb"(?:reading response header from|sending request to) upstream"
    rb"|upstream prematurely closed connection while reading response header from upstream)"
    + REQUESTED
    + rb'"uwsgi://(?:unix:run/uwsgi\.sock:?|application)"'
)
# An answer that has begun is cut, and nobody else says so.
CUT = re.compile(
    rb"upstream timed out \(\d+: [\w ]+\) while reading upstream"
    + REQUESTED
    + rb'"(?:uwsgi|http)://unix:(?:/proc/self/cwd/)?run/[^ "/]+(?:/[^ "/:]+:/(?P<id>[^ "?]+))?'
)
# Up to where two messages of the same kind are the same.
HEAD = re.compile(rb'[^"0-9,]{0,80}')


class Error(NamedTuple):
    """A line of the error log."""

    kind: bytes
    text: str
    known: bool  # an event tells the same


def shown(line: bytes) -> str:
    """Write a line of the error log so that it can be shown."""
    return safe(line, 1000)


def error(line: bytes) -> Error:
    """Read a line of the error log."""
    begin = ERROR.match(line)
    if not begin:
        return Error(b"", shown(line), False)
    message = line[begin.end() :]
    kind = begin[1] + b" " + head[0] if (head := HEAD.match(message)) else begin[1]
    if cut := CUT.match(message):
        return Error(kind, line_of_cut(begin[0], cut), False)
    told = TOLD.match(message)
    if told and told["uri"] == b"/ready" and told["client"].startswith(b"127."):
        return Error(UNWELL, KINDS[UNWELL].says, False)
    return Error(kind, shown(line), bool(told))


def line_of_cut(begin: bytes, cut: re.Match[bytes]) -> str:
    """Say that an answer was cut since its next piece did not come."""
    path = safe(cut["uri"].partition(b"?")[0], MOST)
    return (
        f"{begin.decode()}{safe(cut['method'], MOST)} {path} ({safe(cut['id'] or b'-', MOST)}): "
        "the answer was cut, because the application took longer for its next piece than "
        "REQUEST_TIMEOUT allows; raise it, or have the application send something meanwhile"
    )


def summary(kind: bytes, times: int, clients: list[tuple[bytes, int]], more: int) -> str:
    """Describe what was counted: how often, and for whom most, and for how many others."""
    if kind not in KINDS:
        return f"{times} lines of nginx's began with: {safe(kind, MOST)}"
    named = [f"{safe(client, MOST)} ({count})" for client, count in clients]
    named += [f"and {more} others"] if more else []
    return KINDS[kind].summary.format(times=times, clients=", ".join(named))
