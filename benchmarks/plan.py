"""What is measured of whom, how often, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import measures, tls
from benchmarks.contenders import COUNTS
from benchmarks.measures import Measure

OURS = ("host", "image")
MAIN = (*OURS, "ancestor")
PEERS = ("tiangolo", "gunicorn-sync", "gunicorn-gthread", "nginx-granian", "granian")
WORKERS = tuple(f"{one}-{count}" for one in OURS for count in COUNTS)
LONG = 99  # repetitions: as many as there are


@dataclass(frozen=True)
class Row:
    """A measure, whom it is taken of, and in how many of the repetitions."""

    name: str
    measure: Measure
    contenders: tuple[str, ...]
    repeats: int = LONG
    # Needs what the other rows found.
    late: bool = False


@dataclass(frozen=True)
class Visit:
    """One start of a contender, and what is measured before its stop."""

    repetition: int
    contender: str
    rows: tuple[Row, ...]


# In this order, as far as they are of one contender: what is at rest comes before load.
ROWS = (
    Row("start", measures.start, (*OURS, "ancestor", "tiangolo", "nginx-granian")),
    Row("idle", measures.idle, OURS, repeats=1),
    Row("httperf-rate", measures.hold, ("nginx",), repeats=1),
    Row("throughput", measures.throughput(), (*MAIN, *PEERS)),
    Row("bound", measures.throughput(), ("bare", "http-socket")),
    Row("memory", measures.memory, ("host-2", "image-2")),
    Row("memory", measures.memory, (*MAIN, *PEERS), repeats=1),
    Row("crowd-512", measures.crowd(512), MAIN),
    Row("crowd-512", measures.crowd(512), PEERS, repeats=1),
    Row("crowd-2000", measures.crowd(2000), (*MAIN, "host-patient", "image-patient")),
    Row("crowd-2000", measures.crowd(2000), PEERS, repeats=1),
    Row("cached", measures.throughput("/cached"), ("host-cached", "image-cached")),
    Row("cached", measures.throughput("/"), ("nginx",)),
    Row("static", measures.throughput("/static/1k.txt"), ("host-static", "image-static", "nginx")),
    Row(
        "allowed", measures.throughput(), ("host-open", "host-listed", "image-open", "image-listed")
    ),
    Row("workers", measures.throughput(), WORKERS),
    Row("tls-handshakes", tls.handshakes, tls.NAMES),
    Row("tls-kept", tls.kept, tls.NAMES),
    Row("tls-http2", tls.http2, tls.NAMES),
    Row("sizes", measures.sizes, OURS, repeats=1),
    Row("wait", measures.wait, ("host-busy", "image-busy")),
    Row("httperf", measures.storm, MAIN, repeats=1, late=True),
    Row("tail-same", measures.tail("ancestor"), (*MAIN, "nginx-granian"), late=True),
    Row("tail-own", measures.tail(None), (*MAIN, "nginx-granian"), late=True),
    Row("tail-hey", measures.second_opinion, ("host", "ancestor"), repeats=1, late=True),
)


def visits(rows: list[Row], repeats: int) -> Iterator[Visit]:
    """Give the visits of each repetition, every other one in reverse."""
    for repetition in range(repeats):
        for late in (False, True):
            due = [row for row in rows if row.late == late and repetition < row.repeats]
            names = list(dict.fromkeys(name for row in due for name in row.contenders))
            for name in reversed(names) if repetition % 2 else names:
                yield Visit(repetition, name, tuple(row for row in due if name in row.contenders))
