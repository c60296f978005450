"""What the stack must show, and how that is found in the results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.load import Values
from benchmarks.results import Results, Spread
from benchmarks.text import spread


@dataclass(frozen=True)
class Claim:
    """One thing that the stack must show, of the host and of the image."""

    what: str
    asked: str
    meets: Callable[[float], bool] | None  # None: it is only stated
    find: Callable[[Results, str], Spread | None]
    write: Callable[[Spread], str]


def against(
    row: str, other: str, what: str, least: float, name: str = "{}",
    key: str = "requests_per_second",
) -> Claim:  # fmt: skip
    """Claim that ours serves at least so many times what another contender does."""
    return Claim(
        what, f"≥ {least} ×", lambda value: value >= least,
        lambda results, launcher: results.ratio(row, name.format(launcher), other, key),
        spread(" ×"),
    )  # fmt: skip


def at_most(
    row: str, key: str, what: str, most: float, unit: str, name: str = "{}", other: str = ""
) -> Claim:
    """Claim that a number of ours, or its ratio to another contender's, is not larger."""

    def find(results: Results, launcher: str) -> Spread | None:
        if other:
            return results.ratio(row, name.format(launcher), other, key)
        return results.spread(row, name.format(launcher), key)

    return Claim(what, f"≤ {most:g}{unit}", lambda value: value <= most, find, spread(unit))


def none_but(statuses: tuple[int, ...], row: str, what: str, name: str = "{}") -> Claim:
    """Claim that all answers have one of these statuses, and none is lost; in percent."""

    def find(results: Results, launcher: str) -> Spread | None:
        return results.derived(
            row, name.format(launcher), lambda values: share_of_others(values, statuses)
        )

    return Claim(what, "0", lambda value: value == 0, find, spread(" %"))


def share_of_others(values: Values, statuses: tuple[int, ...]) -> float:
    """Compute which share of the answers had other statuses, lost ones too, in percent."""
    all_of_them = values["answers"] + values["lost"]
    wanted = sum(values.get(f"status_{status}", 0.0) for status in statuses)
    return 100 * (all_of_them - wanted) / (all_of_them or 1)


def no_5xx() -> Claim:
    """Claim that the ancestor's own command gets no 5xx."""
    return Claim(
        "httperf, 60,000 connections: answers that are 5xx", "0", lambda value: value == 0,
        lambda results, launcher: results.spread("httperf", launcher, "status_5xx"), spread(),
    )  # fmt: skip


CLAIMS = (
    against("throughput", "ancestor", "64 clients, requests/s, against the ancestor", 1.3),
    against("throughput", "nginx-granian", "… against nginx + granian", 1.2),
    against("throughput", "gunicorn-gthread", "… against nginx + gunicorn gthread", 2),
    none_but((200,), "crowd-512", "512 clients: not 200"),
    none_but((200, 503), "crowd-2000", "2,000 clients: neither 200 nor 503"),
    none_but((200,), "crowd-2000", "… with `MAX_QUEUED_REQUESTS=4000`: not 200", "{}-patient"),
    at_most("wait", "of_expected", "longest wait in a full queue, against what it is to be",
            1.1, " ×", "{}-busy"),
    none_but((200, 503), "wait", "… neither 200 nor 503", "{}-busy"),
    no_5xx(),
    at_most("tail-same", "p99_ms", "p99 at 70 % of the ancestor's capacity, against it",
            0.5, " ×", other="ancestor"),
    at_most("tail-own", "p99_ms", "p99 of each at 70 % of its own capacity, against the ancestor",
            0.5, " ×", other="ancestor"),
    against("cached", "nginx", "opted-in cached page, against nginx alone", 0.6, "{}-cached"),
    against("static", "nginx", "static file of 1 KB, against nginx alone", 0.8, "{}-static"),
    Claim("a bare function, against uWSGI's http socket alone", "stated", None,
          lambda results, launcher: None if launcher == "image" else results.ratio(
              "bound", "bare", "http-socket", "requests_per_second"),
          spread(" ×")),
    at_most("start", "first_answer", "start to first 200", 1.5, " s"),
    at_most("start", "prepared", "… of which before supervisord", 0.2, " s"),
    at_most("memory", "pss", "memory at rest, two workers, PSS", 70, " MB", "{}-2"),
    at_most("idle", "without", "CPU at rest, of a core", 0.5, " %"),
    at_most("idle", "with", "… with a health check every 10 s", 0.5, " %"),
    Claim("10,000 `ALLOWED` entries, against none", "≥ 0.95 ×", lambda value: value >= 0.95,
          lambda results, launcher: results.ratio(
              "allowed", f"{launcher}-listed", f"{launcher}-open", "requests_per_second"),
          spread(" ×")),
)  # fmt: skip
