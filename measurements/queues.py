"""Count what happens to jobs whose worker, an operator's own program, is killed with SIGKILL.

A part of measurements/faults.py. Redis runs on 127.0.0.1; the jobs are put in over HTTP.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from tests.support import processes
from tests.support import redis as servers
from tests.support.image import docker
from tests.support.launching import Plan, begin, prepared
from tests.support.stacks import ROOT, Stack
from tests.support.wait import wait_until

JOBS, KILLS, SECONDS = 80, 5, "0.2"
PACKAGES = "celery[redis] rq"  # what the image needs for that

COMMANDS = {
    "celery": "celery -A jobs:celery worker --concurrency 2 --loglevel INFO",
    # A job that nobody works at any more is looked for every 5 s, and not after many minutes.
    "rq": "rq worker --maintenance-interval 5 --worker-ttl 20 --url %(ENV_REDIS_URL)s",
}
PROGRAMS = ("celery -A", "rq worker")
# Where jobs are that wait, or that a worker has taken and not given back.
WAITING = {
    "celery": ("celery", "unacked"),
    "rq": ("rq:queue:default", "rq:queue:default:intermediate", "rq:wip:default"),
}

HEADER = f"""
| {KILLS} x kill -9, while it works ({{}}) | accepted | done | begun again | done again | not done \
| all settled |
|---|---|---|---|---|---|---|"""


@dataclass(frozen=True)
class Row:
    """Which queue, what is killed, and whether jobs are to outlive that."""

    queue: str
    victims: str  # worker, child or both
    careful: bool

    def title(self) -> str:
        """Write it as the table has it."""
        ways = {
            "celery": ("as it is", "acknowledged late"),
            "rq": ("as it is", "`Retry(max=10)`"),
        }
        name = {"celery": "Celery", "rq": "RQ"}[self.queue]
        what = {"worker": "the worker", "child": "what does the job", "both": "both at once"}
        return f"{name}, {ways[self.queue][self.careful]}: {what[self.victims]}"


# Celery's worker does not die alone: supervisord kills what is left of its group.
VICTIMS = {"celery": ("worker", "child"), "rq": ("worker", "child", "both")}
ROWS = [
    Row(queue, victims, careful)
    for queue, each in VICTIMS.items()
    for victims in each
    for careful in (False, True)
]


def table(launcher: str, image: str) -> None:
    """Print all rows of one launcher."""
    print(HEADER.format(launcher))
    with with_packages(image) as extended:
        for row in ROWS:
            print(one(row, launcher, extended), flush=True)


@contextmanager
def with_packages(image: str) -> Iterator[str]:
    """Build an image that has the queues' packages, for as long as the body runs."""
    if not image:
        yield ""
        return
    tag = f"nginx-python3-queues:{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as context:
        Path(context, "Dockerfile").write_text(f"FROM {image}\nRUN pip install {PACKAGES}\n")
        docker("build", "--quiet", "--tag", tag, context)
    try:
        yield tag
    finally:
        docker("rmi", tag, check=False)


def one(row: Row, launcher: str, image: str) -> str:
    """Have jobs done while their worker is killed again and again, and write the row."""
    with tempfile.TemporaryDirectory() as folder, servers.server(Path(folder)) as url:
        Path(folder).chmod(0o755)
        shutil.copytree(ROOT / "conf", conf := Path(folder) / "conf")
        (conf / "supervisor.d/worker.conf").write_text(
            f"[program:worker]\ncommand = {COMMANDS[row.queue]}\nstartsecs = 1\n"
        )
        settings = {"QUEUE": row.queue, "REDIS_URL": url, "JOB_SECONDS": SECONDS}
        settings |= {"CAREFUL": "1"} if row.careful else {}
        plan = Plan(settings, ROOT / "tests/apps/queues", conf)
        stack = begin(prepared(launcher, plan, Path(folder) / "stack", image))
        try:
            return counted(row, stack, redis.Redis.from_url(url, decode_responses=True))
        finally:
            stack.close()


def counted(row: Row, stack: Stack, notes: redis.Redis) -> str:
    """Put in the jobs, kill, wait until nothing is left to be done, and count."""
    accepted = sum(stack.request("POST", f"/jobs/{i}").status_code == 202 for i in range(JOBS))
    for _ in range(KILLS):
        seen = notes.llen("begun")
        stack.wait_until(lambda seen=seen: running(stack) and notes.llen("begun") > seen)
        kill(row, stack)
    began = time.monotonic()
    wait_until(lambda: settled(row, stack, notes, accepted), timeout=240, report=stack.log)
    took = time.monotonic() - began
    begun, done = notes.lrange("begun", 0, -1), notes.lrange("done", 0, -1)
    cells = (
        row.title(), accepted, len({*done}), len(begun) - len({*begun}),
        len(done) - len({*done}), accepted - len({*done}), f"{took:.0f} s after the last",
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def settled(row: Row, stack: Stack, notes: redis.Redis, accepted: int) -> bool:
    """Say whether all jobs are done, or those that are not are in no queue any more."""
    if len({*notes.lrange("done", 0, -1)}) == accepted:
        return True
    if any(notes.exists(key) for key in WAITING[row.queue]):
        return False
    # What is in no queue may still be worked at: by as long as a job takes, and a bit more.
    before, until = notes.llen("begun"), time.monotonic() + 3
    stack.wait_until(lambda: time.monotonic() > until)
    return before == notes.llen("begun") and not any(map(notes.exists, WAITING[row.queue]))


def kill(row: Row, stack: Stack) -> None:
    """Kill the worker, one process that does its jobs, or all of them."""
    victims: list[int] = stack.wait_until(lambda: alive(row, stack))
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def alive(row: Row, stack: Stack) -> list[int]:
    """List the processes that are to be killed, as far as they live."""
    found = processes.descending(the_worker(stack))
    return {"worker": found[:1], "child": found[1:2], "both": found}[row.victims]


def the_worker(stack: Stack) -> int:
    """Find the program that supervisord has started, and not what that has started."""

    def find() -> int:
        for pid in stack.pids():
            with suppress(psutil.NoSuchProcess):
                called = processes.command(pid)
                if psutil.Process(pid).ppid() == stack.pid and any(map(called.count, PROGRAMS)):
                    return pid
        return 0

    found: int = stack.wait_until(find)
    return found


def running(stack: Stack) -> bool:
    """Say whether supervisord takes the worker for running."""
    return "RUNNING" in stack.run("supervisorctl", "status", "worker").stdout
