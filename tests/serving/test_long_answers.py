"""Answers that clients take their time for: nobody waits for them, and they arrive whole."""

from __future__ import annotations

import gzip
import select
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support import raw
from tests.support.launching import Launch, edit
from tests.support.slow import digest, read, slow_reader
from tests.support.stacks import ROOT, Stack

MIB = 2**20
BLOCK = bytes(range(256)) * 256

# One worker, so that whoever holds it is noticed; a time limit that reading takes longer than.
SETTINGS = {
    "APP_MODULE": "answers:application",
    "UWSGI_PROCESSES": "1",
    "UWSGI_THREADS": "1",
    "REQUEST_TIMEOUT": "2",
}
PATIENT = {**SETTINGS, "REQUEST_TIMEOUT": "30", "ALLOWED": "127.0.0.1"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application with files: small, of 100 MiB, and of 500 MB, which holds next to nothing."""
    folder = tmp_path_factory.mktemp("answers")
    folder.chmod(0o755)
    shutil.copy(ROOT / "tests/apps/answers/answers.py", folder)
    files = folder / "files"
    files.mkdir()
    (files / "small").write_bytes(BLOCK)
    (files / "large").write_bytes(BLOCK * 1600)
    (files / "packed.gz").write_bytes(gzip.compress(BLOCK * 40))
    enlarge(files / "huge")
    return folder


def enlarge(file: Path) -> None:
    """Make a file of 500 MB."""
    with file.open("wb") as opened:
        opened.truncate(500_000_000)


@cache
def digest_of(block: bytes) -> str:
    """Return the digest of 100 MiB of a block."""
    return sha256(block * 1600).hexdigest()


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize(
    "path",
    [
        "/file/large",
        "/blocks/1600",
        "/pieces/1600/65536/end?Content-Length=104857600",
        "/pieces/1600/65536/end?X-Accel-Buffering=no",
    ],
)
def test_reading_may_take_longer_than_the_time_limit(
    launch_once: Launch, app: Path, path: str, threads: str
) -> None:
    stack = launch_once(app=app, **{**SETTINGS, "UWSGI_THREADS": threads})
    worker = stack.get("/worker").text
    with slow_reader(stack) as connection:
        connection.sendall(raw.get(path, version=" HTTP/1.0"))
        began = time.monotonic()
        answer = read(connection, 20 * MIB)
    assert time.monotonic() - began > 4
    block = b"x" * 65536 if path.startswith("/pieces") else BLOCK
    assert digest(answer) == digest_of(block)
    assert stack.get("/worker").text == worker


def test_the_end_of_a_download_leaves_no_time_limit_behind(launch_once: Launch, app: Path) -> None:
    stack = launch_once(app=app, **SETTINGS)
    with slow_reader(stack) as connection:
        connection.sendall(raw.get("/file/large"))
        begun = connection.recv(1000)
        # The last that the worker has to do with for a while.
        assert len(stack.get("/file/large").content) == 100 * MIB
        answer = begun + read(connection, 20 * MIB)
    assert digest(answer) == digest_of(BLOCK)


def test_the_application_may_think_as_long_for_each_piece(launch: Launch, app: Path) -> None:
    stack = launch(app=app, **{**SETTINGS, "REQUEST_TIMEOUT": "4"})
    expected = "".join(f"piece {number}\n" for number in range(3))
    assert stack.get("/slow/3/2.5").text == expected


def test_a_client_that_has_stopped_reading_is_cut_and_its_worker_is_free(
    launch: Launch, app: Path, conf: Path
) -> None:
    edit(conf, "send_timeout 180s;", "send_timeout 2s;")
    stack = launch(app=app, conf=conf, **SETTINGS)
    worker = stack.get("/worker").text
    for path in ("/pieces/9999/65536/end?X-Accel-Buffering=no", "/blocks/9999", "/file/huge"):
        with slow_reader(stack) as connection:
            connection.sendall(raw.get(path))
            assert connection.recv(1000)
            gone = select.poll()
            gone.register(connection, select.POLLHUP | select.POLLERR)
            assert gone.poll(20_000), f"{path} was not cut within 20 s"
        assert stack.get("/worker").text == worker


def test_downloads_hold_no_worker_and_store_nothing(launch_once: Launch, app: Path) -> None:
    # All of them ask at once, and wait for one another.
    stack = launch_once(app=app, **PATIENT)
    with ExitStack() as opened:
        clients = [opened.enter_context(slow_reader(stack)) for _ in range(100)]
        for client in clients:
            client.sendall(raw.get("/file/huge"))
        for client in clients:
            assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        for _ in range(20):
            began = time.monotonic()
            assert stack.get().status_code == 200
            assert time.monotonic() - began < 5
            for client in clients:
                client.recv(65536)
        stored = stack.run("du", "-s", "-k", "run").stdout.split()[0]
        assert int(stored) < 50_000
        # One of them makes haste.
        assert len(read(clients[0], 1e12)) > 400_000_000
    stack.wait_until(lambda: opened_files(stack, "huge") == 0)


def opened_files(stack: Stack, name: str) -> int:
    """Count how often the workers have a file open."""
    count = 0
    for pid in stack.processes("uwsgi"):
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                count += descriptor.readlink().name == name
            except OSError:
                continue
    return count


def test_files_are_given_as_ever(launch_once: Launch, app: Path) -> None:
    stack = launch_once(app=app, **PATIENT)
    for name, content in (("small", BLOCK), ("large", BLOCK * 1600)):
        for path in (f"/file/{name}", f"/attachment/{name}"):
            answer = stack.get(path)
            assert (answer.status_code, answer.content == content) == (200, True)
            assert stack.get(path, client="127.0.0.2").status_code == 403
        assert answer.headers["Content-Disposition"] == "attachment; filename=other"
        path = f"/file/{name}"
        head = stack.request("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(len(content))
        same = {"If-None-Match": head.headers["ETag"]}
        assert stack.get(path, headers=same).status_code == 304
        for first, last in ((0, 0), (1000, 2999), (len(content) // 2, len(content) - 1)):
            part = stack.get(path, headers={"Range": f"bytes={first}-{last}"})
            assert part.status_code == 206
            assert part.headers["Content-Range"] == f"bytes {first}-{last}/{len(content)}"
            assert part.content == content[first : last + 1]
        tail = stack.get(path, headers={"Range": "bytes=-500"})
        assert (tail.status_code, tail.content) == (206, content[-500:])
        beyond = stack.get(path, headers={"Range": f"bytes={len(content)}-"})
        assert beyond.status_code == 416
    assert stack.get("/file/none").status_code == 404
    assert stack.get("/file/..%2fanswers.py").status_code == 404
    # What a file holds is not what it gives.
    assert stack.get("/compressed/packed.gz").content == BLOCK * 40


def test_nobody_can_ask_for_what_nginx_calls_for(launch_once: Launch, app: Path) -> None:
    stack = launch_once(app=app, **SETTINGS)
    for name in ("X-Accel-Stream", "x-accel-stream"):
        path = f"/pieces/1/9/end?{name}=../uwsgi.sock&X-Accel-Redirect=@stream"
        assert stack.get(path).status_code >= 400
    assert stack.get("/pieces/1/9/end?X-Accel-Stream=x").text == "x" * 9


def test_a_file_that_becomes_shorter_looks_cut(launch_once: Launch, app: Path) -> None:
    stack = launch_once(app=app, **SETTINGS)
    enlarge(file := app / f"files/{stack.launcher}")
    with slow_reader(stack) as connection:
        connection.sendall(raw.get(f"/file/{file.name}"))
        begun = connection.recv(1000)
        with file.open("r+b") as opened:
            opened.truncate(100_000_000)
        size = len(raw.body(begun + read(connection, 1e12)))
    assert size < 500_000_000
    assert stack.get().status_code == 200


def test_a_download_looks_cut_when_its_worker_dies(launch: Launch, app: Path) -> None:
    stack = launch(app=app, **SETTINGS)
    with slow_reader(stack) as connection:
        connection.sendall(raw.get("/file/huge"))
        begun = connection.recv(1000)
        assert b"Content-Length: 500000000" in begun
        assert stack.get("/die").status_code == 503
        assert len(raw.body(begun + read(connection, 1e12))) < 500_000_000


def test_a_reload_lets_downloads_go_on_for_as_long_as_there_is_time(
    launch: Launch, app: Path
) -> None:
    stack = launch(app=app, SHUTDOWN_TIMEOUT="20", LOG_LEVEL="debug", **SETTINGS)
    with slow_reader(stack) as connection, ThreadPoolExecutor(1) as pool:
        connection.sendall(raw.get("/file/large"))
        begun = connection.recv(1000)
        reloading = pool.submit(stack.run, "./entrypoint.py", "reload")
        stack.wait_until(lambda: stack.lines("gracefully") or stack.lines("reload"))
        answer = begun + read(connection, 30 * MIB)
        assert digest(answer) == digest_of(BLOCK)
        assert reloading.result().returncode == 0
    assert stack.get().status_code == 200
