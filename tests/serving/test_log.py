"""A log that nobody reads stops neither requests nor a stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.supervision.log import Log
from stack.supervision.repeated import Repeated
from tests.support.host import HostStack


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: where to read, where to write."""
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        os.close(descriptor)


def test_what_is_not_read_is_dropped_and_told_of_later(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    log = Log(writer)
    log.write("x" * 1_000_000)
    lost = log.lost
    assert 0 < lost < 1_000_000
    assert len(os.read(reader, 2_000_000)) == 1_000_000 - lost
    log.write("again\n")
    assert os.read(reader, 100).decode() == (
        f"entrypoint: warning: {lost} bytes of log were lost\nagain\n"
    )


def test_a_reader_that_is_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    Log(writer).write("nobody hears this\n")
    os.close(writer)


def test_a_burst_is_one_count_wherever_in_it_the_five_seconds_end() -> None:
    repeated = Repeated()
    assert [repeated.is_news(b"kind") for _ in range(13)] == [True] + 12 * [False]
    assert [*repeated.summaries()] == []
    assert not any(repeated.is_news(b"kind") for _ in range(15))
    ((kind, count),) = repeated.summaries()
    assert (kind, count.times, count.shown) == (b"kind", 28, 1)
    assert [repeated.is_news(b"kind") for _ in range(2)] == [True, False]
    ((kind, count),) = repeated.summaries(at_once=True)
    assert count.times == 2


class Unheard(HostStack):
    """A stack whose output goes to a pipe."""

    def __init__(self, folder: Path, writer: int) -> None:
        """Take the pipe's end in the place of a log file."""
        super().__init__({}, folder)
        self.output = Path(f"/proc/{os.getpid()}/fd/{writer}")

    def log(self) -> str:
        """Nobody reads it."""
        return ""


@pytest.mark.parametrize("closed", [False, True], ids=["stopped", "closed"])
def test_serves_and_stops_while_nobody_reads(
    tmp_path: Path, pipe: tuple[int, int], closed: bool
) -> None:
    reader, writer = pipe
    stack = Unheard(tmp_path, writer)
    stack.start()
    try:
        stack.wait_until_ready()
        if closed:
            os.dup2(writer, reader)
        with stack.connection("127.0.0.1") as client:
            # A pipe holds 64 KiB, and each line has more than 1000 bytes.
            url = f"http://127.0.0.1:{stack.port}/?{'x' * 1000}"
            for _ in range(150):
                assert client.get(url).status_code == 200
        stack.signal(signal.SIGTERM)
        assert stack.wait_until_gone() == 0
    finally:
        stack.close()
