"""The children of a process, which a start and a reload ask for again and again."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from stack.machine import processes
from tests.support.wait import wait_until


@pytest.fixture
def started() -> Iterator[Callable[[str], int]]:
    """Start processes with a title, and give their process ids; they end with the test."""
    with ExitStack() as all_of_them:

        def start(title: str) -> int:
            process = subprocess.Popen([title, "600"], executable="sleep")
            all_of_them.callback(process.wait)
            all_of_them.callback(process.kill)
            # The kernel closes what Popen waits for a moment before it has the new command line.
            wait_until(lambda: processes.command_line(process.pid).startswith(title))
            return process.pid

        yield start


def test_children_are_found_by_their_title(started: Callable[[str], int]) -> None:
    wanted = {started("a worker 1"), started("a worker 2")}
    started("a master")
    assert processes.children(os.getpid(), "a worker") == wanted


def test_children_of_threads_are_children_too(started: Callable[[str], int]) -> None:
    begun, enough, found = threading.Event(), threading.Event(), list[int]()

    def work() -> None:
        found.append(started("a worker"))
        begun.set()
        enough.wait()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    try:
        assert processes.children(os.getpid(), "a worker") == {*found}
    finally:
        enough.set()
        thread.join()


def test_a_kernel_that_lists_no_children_is_searched_for_them(
    started: Callable[[str], int],
) -> None:
    started("a worker")
    assert processes.searched(os.getpid()) == processes.listed(os.getpid()) != set()


def test_who_is_gone_has_none() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert processes.children(gone.pid, "") == set()
