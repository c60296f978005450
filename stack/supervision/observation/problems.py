"""What is wrong, in words, with the page that helps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from stack.supervision.observation.snapshot import SERVERS, Now

# Of the container's memory, and of run/.
NEARLY_ALL = 0.9
# Bytes that are enough below run/ however small a part of it they are, as on the disk of a host.
ENOUGH_ROOM = 2**30
# Seconds for which workers that died, or were killed for want of memory, are told of.
RECENT = 300


class Problem(NamedTuple):
    """A word for the eye, what it means here, and where to read on."""

    word: str
    says: str
    page: str


def found(now: Now) -> list[Problem]:
    """List all problems, the worst first."""
    kinds = (stopped, not_ready, saturated, memory, losing, programs, full)
    return [each for kind in kinds for each in kind(now)]


def stopped(now: Now) -> Iterator[Problem]:
    """Find masters that a signal has stopped; what works without them goes on."""
    for each in now.programs:
        if each.stopped:
            yield Problem(
                "STOPPED",
                f"{each.name}'s process {each.pid} was stopped by a signal; kill -CONT {each.pid} "
                "has it go on",
                "docs/faults.md",
            )


def not_ready(now: Now) -> Iterator[Problem]:
    """Find what keeps the application from answering."""
    page = "docs/operating.md"
    for each in now.programs:
        if each.name in SERVERS and each.state not in ("RUNNING", "STARTING"):
            yield Problem("NOT READY", f"{each.name} does not run: {each.state}", page)
    uwsgi = now.program("uwsgi")
    if uwsgi and uwsgi.state in ("RUNNING", "STARTING") and not now.loaded:
        yield Problem("NOT READY", "no worker has loaded the application yet", "docs/your-app.md")
    elif now.workers and not now.alive:
        yield Problem("NOT READY", "no worker is alive", "docs/your-app.md")
    if int(now.requests.health) >= now.facts.get("unhealthy", 500):
        says = f"the last health check was answered with {now.requests.health}"
        yield Problem("NOT READY", says, page)


def saturated(now: Now) -> Iterator[Problem]:
    """Find more work than workers."""
    turned_away = now.minute.turned_away.get("overload", 0)
    full = bool(now.alive) and len(now.busy) == len(now.alive)
    if turned_away or (full and now.queued):
        says = f"{len(now.busy)} of {len(now.alive)} workers are busy"
        says += f", {shown(now.queued)} requests wait"
        if turned_away:
            says += f", {turned_away} were turned away in the last minute"
        yield Problem("SATURATED", says, "docs/limits.md")


def memory(now: Now) -> Iterator[Problem]:
    """Find too little memory."""
    if now.memory and now.memory_limit and now.memory[1] > NEARLY_ALL * now.memory_limit:
        share = 100 * now.memory[1] // now.memory_limit
        yield Problem(
            "MEMORY", f"{share} % of what the container may have is used", "docs/speed.md"
        )
    elif now.oom_at and now.time - now.oom_at < RECENT:
        says = f"the kernel has killed for want of it, {now.oom_kills} processes in all"
        yield Problem("MEMORY", says, "docs/speed.md")


def losing(now: Now) -> Iterator[Problem]:
    """Find workers that die."""
    if died := now.deaths.since(RECENT):
        why = now.deaths.last[1] if now.deaths.last else ""
        yield Problem(
            "LOSING WORKERS",
            f"{died} died in the last {RECENT // 60} minutes, the last one by {why}",
            "docs/limits.md",
        )


def programs(now: Now) -> Iterator[Problem]:
    """Find programs of the operator's own that cannot be kept running."""
    for each in now.programs:
        if each.name not in SERVERS and each.state in ("BACKOFF", "FATAL"):
            says = f"{each.name} cannot be kept running: {each.state}"
            yield Problem("PROGRAM", says, "docs/programs.md")


def full(now: Now) -> Iterator[Problem]:
    """Find too little room below run/."""
    whole, free = now.room
    if free < min((1 - NEARLY_ALL) * whole, ENOUGH_ROOM):
        yield Problem("RUN FULL", f"run/ has {free >> 20} MiB left", "docs/limits.md")


def shown(number: int | None) -> str:
    """Write a number that may not be known."""
    return "?" if number is None else str(number)
