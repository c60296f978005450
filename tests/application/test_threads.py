"""Threads, and the stacks that they have: musl's are small unless somebody asks for more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

APP = ROOT / "tests/apps/threads"

# Bytes. What deep recursion in C needs before Python's own limit ends it (3.11 to 3.14).
ENOUGH = 4 << 20


@pytest.mark.parametrize("path", ["/nested", "/nested/own"])
def test_nested_json_does_not_kill_the_worker(launch: Launch, path: str) -> None:
    stack = launch(app=APP, UWSGI_PROCESSES="1", UWSGI_THREADS="8")
    (before,) = workers(stack)
    for levels in (1_000, 20_000):
        text = "[" * levels + "]" * levels
        # Each of them, whichever thread gets it.
        with ThreadPoolExecutor(8) as clients:
            answers = list(
                clients.map(lambda text: stack.request("POST", path, data=text), [text] * 16)
            )
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.text for answer in answers} <= {str(levels), "too deep"}
    assert workers(stack) == [before]


def workers(stack: Stack) -> list[int]:
    """List the workers' process ids."""
    return stack.processes("uwsgi worker")


def test_threads_have_the_stacks_that_they_need(launch: Launch) -> None:
    stack = launch(app=APP, UWSGI_PROCESSES="1", UWSGI_THREADS="8")
    with ThreadPoolExecutor(8) as clients:
        told = list(clients.map(lambda _: stack.get("/stack").json(), range(8)))
    assert len({each["thread"] for each in told}) == 8
    # The main thread's grows as the process's limit lets it.
    sizes = [each["size"] for each in told if not each["main"]]
    assert len(sizes) == 7
    assert min(sizes) >= ENOUGH
    assert stack.get("/stack/own").json()["size"] >= ENOUGH
