"""What the stack is doing now, on one screen: asked of supervisord, which answers whoever hangs.

It imports nothing else of ours, so that it is quick where the machine is busy.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

SOCKET = "run/observed.sock"
PATIENCE = 5  # seconds for supervisord's answer, which takes 0.2 at the most
INTERVAL = 2  # seconds between two looks, with --watch

# Lines for the workers where the screen's height is not known; those at work come first.
LINES = 24

BOLD, RED, END = "\x1b[1m", "\x1b[1;31m", "\x1b[0m"
CLEAR = "\x1b[H\x1b[2J"

HEAD = "  ID    PID STATE      FOR    RSS     REQS DIED  REQUEST"


def status(root: str, as_json: bool, watch: bool) -> int:
    """Print it once, or until somebody has seen enough, and return the status: 1 for no answer.

    The working directory is the root of the stack's tree.
    """
    try:
        answered = shown(root, as_json, watch)
        while watch:
            time.sleep(INTERVAL)
            answered = shown(root, as_json, watch)
    except KeyboardInterrupt:
        return os.EX_OK
    return os.EX_OK if answered else 1


def shown(root: str, as_json: bool, watch: bool) -> bool:
    """Print it once, or why it cannot be known, and say whether there was an answer."""
    try:
        found = ask()
    except (OSError, ValueError) as error:
        why = f"no stack answers in {root} ({error}); is it running, and as this user?"
        print(f"entrypoint: error: {why}", file=sys.stderr)
        return False
    print(json.dumps(found) if as_json else screen(found, watch), flush=True)
    return True


def ask() -> dict[str, Any]:
    """Ask supervisord; OSError or ValueError if it does not answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(SOCKET)
        connection.sendall(b"GET /status HTTP/1.0\r\n\r\n")
        answer = connection.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0] + b" ":
        raise ValueError("supervisord does not know itself; its log says why")
    return dict(json.loads(body, object_hook=harmless))


def harmless(found: dict[str, Any]) -> dict[str, Any]:
    """Make all texts printable: clients have a say in some, and a terminal takes commands."""
    return {
        printable(name): printable(each) if isinstance(each, str) else each
        for name, each in found.items()
    }


def screen(found: dict[str, Any], watch: bool) -> str:
    """Write one screen, in colour on a terminal."""
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    red, bold, end = (RED, BOLD, END) if coloured else ("", "", "")
    lines = [
        f"{red}{each['word']}{end}  {each['says']}: {each['page']}" for each in found["problems"]
    ]
    lines += [*summary(found), f"{bold}{HEAD}{end}"]
    height = os.get_terminal_size().lines or LINES if coloured else 0
    rows = list(workers(found["workers"]))
    if coloured and len(rows) > (room := max(height - len(lines) - 2, 4)):
        rows = [*rows[:room], f"  ... and {len(rows) - room} more, which are less busy"]
    start = CLEAR if watch and coloured else ""
    return start + "\n".join([*lines, *rows])


def summary(found: dict[str, Any]) -> Iterator[str]:
    """Write what is the same for all workers."""
    crew, queue, minute = found["workers"], found["queue"], found["minute"]
    age = crew["age"]
    late = f"   as of {duration(age)} ago" if age is None or age > 8 else ""
    yield (
        f"workers  {crew['busy']} of {crew['total']} busy   queue {number(queue['length'])} of "
        f"{number(queue['limit'])}   longest {duration(crew['longest'])}{late}"
    )
    total, seconds = minute["requests"], max(minute["seconds"], 1)
    shares = [f"{name} {100 * n / total:.0f}%" for name, n in sorted(minute["statuses"].items())]
    away = [f"{name} {n}" for name, n in sorted(minute["turned_away"].items()) if n]
    yield f"last {duration(seconds):<4}" + "  ".join([f"{total / seconds:.1f}/s", *shares, *away])
    took = "  ".join(f"{name} {precise(each)}" for name, each in minute["duration"].items())
    yield f"         {took}   waited p95 {precise(minute['waited']['p95'])}"
    used, run = found["memory"], found["run"]
    full = 100 * (run["size"] - run["free"]) // run["size"] if run["size"] else 0
    yield (
        f"memory   {size(used['used'])} of {size(used['limit'])}   "
        f"oom kills {number(used['oom_kills'])}   run/ {full}% full"
    )
    for each in found["programs"]:
        exits = f"   ended by itself {each['exits']} times" if each["exits"] else ""
        yield f"{each['name']:<8} {each['state']} {duration(each['for'])}{exits}"
    deaths, reload = found["deaths"], found["reload"]
    last = f" (last {clock(deaths['last'])}, {deaths['reason']})" if deaths["total"] else ""
    told = (
        f"{clock(reload['time'])} {'ok' if reload['successful'] else 'FAILED'}" if reload else "-"
    )
    lost = f"   log lost {found['log_lost']} bytes" if found["log_lost"] else ""
    yield f"deaths   {deaths['total']}{last}   reload {told}{lost}"


def workers(crew: dict[str, Any]) -> Iterator[str]:
    """Write a line for each request that runs, and for each worker that has none."""
    for each in sorted(crew["each"], key=lambda each: (-len(each["running"]), each["id"])):
        begin = f"{each['id']:>4} {number(each['pid']):>6} {each['state']:<8}"
        rest = f"{size(each['rss']):>6} {each['requests']:>8} {each['died']:>4}"
        for request in each["running"]:
            what = f"{request['method']} {request['path']}  {request['id']}"
            yield f"{begin} {duration(request['for']):>5} {rest}  {what}"
        if not each["running"]:
            yield f"{begin} {duration(each['for']):>5} {rest}"


def printable(text: str) -> str:
    """Put a question mark in the place of what is not printable ASCII."""
    return "".join(each if " " <= each <= "~" else "?" for each in text)


def number(value: int | None) -> str:
    """Write a number that may not be known."""
    return "-" if value is None else str(value)


def precise(seconds: float | None) -> str:
    """Write a time that a request took."""
    return "-" if seconds is None else f"{seconds:.2g}"


def duration(seconds: float | None) -> str:
    """Write how long something has lasted."""
    if seconds is None:
        return "-"
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= unit * 2 or (seconds >= unit and name == "m"):
            return f"{seconds / unit:.0f}{name}"
    return f"{seconds:.0f}s"


def clock(seconds: float) -> str:
    """Write a time of day, with the date if it was not today."""
    when = time.localtime(seconds)
    today = time.strftime("%F") == time.strftime("%F", when)
    return time.strftime("%T" if today else "%F %T", when)


def size(value: int | None) -> str:
    """Write a number of bytes."""
    if value is None:
        return "-"
    return f"{value / 2**30:.1f}G" if value >= 10 * 2**30 else f"{value >> 20}M"
