"""Load on 127.0.0.1: wrk, httperf and hey, each run and its report read."""

from __future__ import annotations

import os
import re
import subprocess

from benchmarks import HERE
from dev import Problem

# What a measure found: plain numbers by name, as they are kept.
Values = dict[str, float]

# Seconds after which a client gives up.
TIMEOUT = 10


def wrk(url: str, clients: int, seconds: float, statuses: bool = False) -> Values:
    """Ask as fast as the answers come, on connections that are kept."""
    script = ["--script", str(HERE / "wrk/statuses.lua")] if statuses else []
    threads = min(clients, len(os.sched_getaffinity(0)))
    return read_wrk(run(
        "wrk", f"--threads={threads}", f"--connections={clients}", f"--duration={whole(seconds)}s",
        f"--timeout={TIMEOUT}s", *script, url, limit=seconds,
    ))  # fmt: skip


def paced(url: str, clients: int, seconds: float, rate: float) -> Values:
    """Ask at a constant rate, on connections that are kept (wrk/paced.lua)."""
    return read_wrk(run(
        "wrk", f"--threads={clients}", f"--connections={clients}", f"--duration={whole(seconds)}s",
        f"--timeout={TIMEOUT}s", "--script", str(HERE / "wrk/paced.lua"), url,
        "--", str(clients), f"{rate:.0f}", limit=seconds,
    ))  # fmt: skip


def httperf(port: int, rate: float, connections: int) -> Values:
    """Open connections at a constant rate, each with one request.

    Without --hog, with which httperf chooses its ports itself: it would find none, and search for
    ever, while the last 64,000 connections wait for their minute to end (TIME_WAIT).
    """
    return read_httperf(run(
        "httperf", "--server=127.0.0.1", f"--port={port}", "--uri=/", f"--rate={rate:.0f}",
        f"--num-conns={connections}", "--num-calls=1", f"--timeout={TIMEOUT}",
        limit=connections / rate,
    ))  # fmt: skip


def hey(url: str, clients: int, seconds: float, rate: float) -> Values:
    """Ask at a constant rate, but wait for late answers, on connections that are kept."""
    return read_hey(run(
        "hey", "-z", f"{seconds:g}s", "-c", str(clients), "-q", f"{rate / clients:.2f}",
        "-t", str(TIMEOUT), url, limit=seconds,
    ))  # fmt: skip


def whole(seconds: float) -> int:
    """Round a duration to what wrk takes."""
    return max(1, round(seconds))


def run(*command: str, limit: float) -> str:
    """Run a generator that should take so many seconds, and give what it printed."""
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=limit + 3 * TIMEOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Problem(f"{' '.join(command)}: did not end") from None
    if answer.returncode:
        raise Problem(f"{' '.join(command)}: {answer.stdout}{answer.stderr}")
    return answer.stdout


def read_wrk(text: str) -> Values:
    """Read wrk's report, and the lines that the scripts below wrk/ print."""
    answers, seconds = found(r"(\d+) requests in ([0-9.]+\w+),", text)
    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text
    )
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    values = {
        "answers": float(answers),
        "requests_per_second": float(found(r"Requests/sec:\s+([0-9.]+)", text)[0]),
        "seconds": in_seconds(seconds),
        "not_200": float(other[1]) if other else 0.0,
        "lost": float(sum(map(int, errors.groups()))) if errors else 0.0,
    }
    for status, count in re.findall(r"^status (\d+): (\d+)$", text, re.MULTILINE):
        values[f"status_{status}"] = float(count)
    for share, latency in re.findall(r"^latency ([0-9.]+): (\d+) us$", text, re.MULTILINE):
        values[f"p{share}_ms"] = float(latency) / 1000
    if longest := re.search(r"^longest: (\d+) us$", text, re.MULTILINE):
        values["longest"] = float(longest[1]) / 1e6  # seconds
    return values


def in_seconds(text: str) -> float:
    """Turn wrk's 100.00us, 5.00ms, 4.01s, 1.00m into seconds."""
    number, unit = found(r"([0-9.]+)(us|ms|s|m|h)$", text)
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}[unit]


def read_httperf(text: str) -> Values:
    """Read httperf's report."""
    statuses = found(r"Reply status: 1xx=(\d+) 2xx=(\d+) 3xx=(\d+) 4xx=(\d+) 5xx=(\d+)", text)
    timeouts, sockets, refused, reset = found(
        r"client-timo (\d+) socket-timo (\d+) connrefused (\d+) connreset (\d+)", text
    )
    unavailable, addresses, table, other = found(
        r"fd-unavail (\d+) addrunavail (\d+) ftab-full (\d+) other (\d+)", text
    )
    connections, _, replies, seconds = found(
        r"Total: connections (\d+) requests (\d+) replies (\d+) test-duration ([0-9.]+) s", text
    )
    return {
        "connections": float(connections),
        "replies": float(replies),
        "seconds": float(seconds),
        "rate": float(found(r"Connection rate: ([0-9.]+) conn/s", text)[0]),
        "status_2xx": float(statuses[1]),
        "status_4xx": float(statuses[3]),
        "status_5xx": float(statuses[4]),
        "lost": float(int(timeouts) + int(sockets) + int(refused) + int(reset) + int(other)),
        # The generator's own limits, not the server's doing.
        "not_sent": float(int(unavailable) + int(addresses) + int(table)),
    }


def read_hey(text: str) -> Values:
    """Read hey's report."""
    values = {"requests_per_second": float(found(r"Requests/sec:\s+([0-9.]+)", text)[0])}
    for share, seconds in re.findall(r"^\s+([1-9][0-9]*)% in ([0-9.]+) secs$", text, re.MULTILINE):
        values[f"p{share}_ms"] = float(seconds) * 1000
    for status, count in re.findall(r"^\s+\[(\d{3})\]\s+(\d+) responses", text, re.MULTILINE):
        values[f"status_{status}"] = float(count)
    errors = re.findall(r"^\s+\[(\d+)\]\s+(?:Get|Post) ", text, re.MULTILINE)
    values["lost"] = float(sum(map(int, errors)))
    return values


def found(pattern: str, text: str) -> tuple[str, ...]:
    """Find what must be there."""
    match = re.search(pattern, text)
    if not match:
        raise Problem(f"a load generator's report has no {pattern!r}:\n{text}")
    return match.groups()
