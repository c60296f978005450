"""What is measured of a stack that runs: functions that give numbers by name."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks import load
from benchmarks.load import Values
from benchmarks.results import Results
from benchmarks.stacks import Stack
from tests.support import processes
from tests.support.host import HostStack
from tests.support.image import ImageStack

CLIENTS = 64
# The ancestor's own: httperf --rate=6000 --num-conns=600000 --num-calls=1.
RATE, CONNECTIONS = 6000, 60_000
RATES = (RATE, 5000, 4000, 3000, 2000, 1000)
SHARE = 0.7  # of the capacity
HEALTH_INTERVAL = 10  # seconds, in the Dockerfile
EXPECTED_WAIT = 102 / 2 * 0.05  # seconds
SIZES = (1, 1_000, 10_000, 100_000, 1_000_000)


@dataclass
class Session:
    """What measures need besides the stack: how long they may take, and what is known so far."""

    seconds: float
    known: Results
    scale: float = 1.0

    def capacity(self, contender: str) -> float | None:
        """Give the requests per second that this contender was seen to serve."""
        found = self.known.spread("throughput", contender, "requests_per_second")
        return found.middle if found else None


Measure = Callable[[Stack, Session], Values]


def warm(stack: Stack, path: str = "/") -> None:
    """Have every worker answer before anything counts."""
    load.wrk(stack.url(path), CLIENTS, 1)


def throughput(path: str = "/") -> Measure:
    """Make a measure: requests per second to a page from 64 clients that keep their connection.

    And the CPU time of each, in microseconds, which a busy machine disturbs least.
    """

    def measure(stack: Stack, session: Session) -> Values:
        warm(stack, path)
        return served(stack, stack.url(path), session)

    return measure


def served(stack: Stack, url: str, session: Session) -> Values:
    """Measure it for a page that has been warmed up, at any URL of the stack."""
    before, generators = processes.cpu(stack.server.pids()), ended()
    values = load.wrk(url, CLIENTS, session.seconds)
    each = 1e6 / max(values["answers"], 1)
    return values | {
        "cpu_us": (processes.cpu(stack.server.pids()) - before) * each,
        "generator_us": (ended() - generators) * each,
    }


def ended() -> float:
    """Add up the CPU time of our own children that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def crowd(clients: int) -> Measure:
    """Make a measure: the statuses that so many clients get, who all keep their connection."""

    def measure(stack: Stack, session: Session) -> Values:
        return load.wrk(stack.url(), clients, session.seconds, statuses=True)

    return measure


def wait(stack: Stack, session: Session) -> Values:
    """Measure the longest wait where 500 clients ask two workers for what takes them 50 ms.

    With MAX_QUEUED_REQUESTS=100 it is to be 102 / 2 x 50 ms: what comes on top is ours.
    """
    values = load.wrk(stack.url("/busy/50"), 500, 3 * EXPECTED_WAIT, statuses=True)
    return values | {"of_expected": values["longest"] / EXPECTED_WAIT}


def sizes(stack: Stack, session: Session) -> Values:
    """Measure requests per second for answers of 1 byte to 1 MB."""
    return {
        f"bytes_{size}": load.wrk(stack.url(f"/bytes/{size}"), CLIENTS, session.seconds / 2)[
            "requests_per_second"
        ]
        for size in SIZES
    }


def hold(stack: Stack, session: Session) -> Values:
    """Find the rate of new connections that httperf itself can hold here, up to the ancestor's."""
    for rate in RATES:
        seen = load.httperf(stack.server.port, rate, rate)
        if seen["rate"] > 0.95 * rate and not seen["not_sent"]:
            return {"rate": rate}
    return {}


def storm(stack: Stack, session: Session) -> Values:
    """Run the ancestor's own command, at the rate that httperf can hold."""
    known = session.known.spread("httperf-rate", "nginx", "rate")
    rate = known.middle if known else RATE
    return load.httperf(stack.server.port, rate, int(CONNECTIONS * session.scale))


def tail(of: str | None) -> Measure:
    """Make a measure: latencies at 70 % of the capacity of a contender, or of the stack itself."""

    def measure(stack: Stack, session: Session) -> Values:
        capacity = session.capacity(of or stack.name)
        if not capacity:
            return {}
        warm(stack)
        rate = SHARE * capacity
        values = load.paced(stack.url(), CLIENTS, session.seconds, rate)
        return values | {"asked_rate": rate}

    return measure


def second_opinion(stack: Stack, session: Session) -> Values:
    """Measure latencies at 70 % of the ancestor's capacity with hey, which waits for answers."""
    capacity = session.capacity("ancestor")
    return load.hey(stack.url(), CLIENTS, session.seconds, SHARE * capacity) if capacity else {}


def start(stack: Stack, session: Session) -> Values:
    """Tell how long the start took, and how much of it was ours."""
    values = {"first_answer": stack.first_answer}
    if stack.prepared is not None:
        values["prepared"] = stack.prepared
    if stack.engine is not None:
        values["engine"] = stack.engine
    return values


def memory(stack: Stack, session: Session) -> Values:
    """Measure what all processes take once they have served and are at rest, in MB."""
    warm(stack)
    time.sleep(1)
    pids = stack.server.pids()
    taken = processes.pss(pids)
    return {} if taken is None else {"pss": taken, "processes": len(pids)}


def idle(stack: Stack, session: Session) -> Values:
    """Measure the CPU time at rest, in percent of a core, without and with health checks."""
    time.sleep(2)
    seconds = max(20 * session.scale, 2)
    pids = stack.server.pids()
    before, group = processes.cpu(pids), cgroup_cpu(stack)
    time.sleep(seconds)
    without = 100 * (processes.cpu(pids) - before) / seconds
    if isinstance(stack.server, HostStack):
        check = health_check(stack.server)
        return {"without": without, "with": without + 100 * check / HEALTH_INTERVAL}
    if group is None:
        return {"without": without}
    return {"without": without, "with": 100 * ((cgroup_cpu(stack) or group) - group) / seconds}


def health_check(stack: HostStack) -> float:
    """Measure the CPU time of one health check, in seconds."""
    before, count = ended(), 5
    for _ in range(count):
        stack.run("python", "-S", "-E", "entrypoint.py", "healthy").check_returncode()
    return (ended() - before) / count


def cgroup_cpu(stack: Stack) -> float | None:
    """Read the CPU time of a container, health checks included, in seconds."""
    if not isinstance(stack.server, ImageStack):
        return None
    with suppress(OSError):
        for line in Path(f"/proc/{stack.server.pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if "cpuacct" in controllers.split(","):
                return int(Path(f"/sys/fs/cgroup/cpuacct{path}/cpuacct.usage").read_text()) / 1e9
        text = Path(f"/sys/fs/cgroup{path}/cpu.stat").read_text()
        return int(text.split()[1]) / 1e6
    return None
