"""Jobs in a queue: a stop and a reload lose none that was accepted, and none is done twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from tests.support import redis as servers
from tests.support.launching import Plan, begin, prepared
from tests.support.stacks import ROOT, Stack

# As docs/programs.md has them.
COMMANDS = {
    "celery": "celery -A jobs:celery worker --concurrency 1 --loglevel INFO",
    "rq": "rq worker --url %(ENV_REDIS_URL)s",
}
JOBS = 12


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    """The URL of a Redis server."""
    with servers.server(tmp_path) as url:
        yield url


@pytest.mark.parametrize("queue", COMMANDS)
def test_no_job_is_lost_or_done_twice(queue: str, broker: str, tmp_path: Path, conf: Path) -> None:
    (conf / "supervisor.d/worker.conf").write_text(
        f"[program:worker]\ncommand = {COMMANDS[queue]}\nstartsecs = 1\n"
    )
    settings = {"QUEUE": queue, "REDIS_URL": broker, "SHUTDOWN_TIMEOUT": "60"}
    plan = Plan(settings, ROOT / "tests/apps/queues", conf)
    notes: redis.Redis = redis.Redis.from_url(broker, decode_responses=True)
    stack = begin(prepared("host", plan, tmp_path / "stack", ""))
    try:
        for number in range(JOBS):
            assert stack.request("POST", f"/jobs/{number}").status_code == 202
        with ThreadPoolExecutor() as pool:
            told = in_work(stack, notes)
            reload = pool.submit(stack.run, "./entrypoint.py", "reload")
            let_end(stack, notes, told)
            assert reload.result().returncode == 0, reload.result().stderr
        told = in_work(stack, notes)
        stack.signal(signal.SIGTERM)
        let_end(stack, notes, told)
        assert stack.wait_until_gone() == 0
        assert 0 < notes.llen("done") == notes.llen("begun") < JOBS
        notes.rpush("permits", *range(JOBS))
        stack.start_again()
        stack.wait_until(lambda: notes.llen("done") == JOBS)
        assert sorted(notes.lrange("done", 0, -1)) == sorted(map(str, range(JOBS)))
        assert notes.llen("begun") == JOBS
    finally:
        stack.close()


def in_work(stack: Stack, notes: redis.Redis) -> int:
    """Wait until a job is being done, and say how often the worker was told to end so far."""
    stack.wait_until(lambda: notes.llen("begun") > notes.llen("done"))
    return told_to_end(stack)


def told_to_end(stack: Stack) -> int:
    """Count what both say when they are told to, with a capital or without."""
    return stack.log().lower().count("warm shut")


def let_end(stack: Stack, notes: redis.Redis, before: int) -> None:
    """Allow the job in work to end once the worker has been told to."""
    stack.wait_until(lambda: told_to_end(stack) > before)
    notes.rpush("permits", "one")
