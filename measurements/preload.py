"""What sharing the import saves, and what a reload beside the one that serves takes.

python -m measurements.preload [--image NAME] prints tables of memory (PSS: what is shared counts in
parts), beside gunicorn's with and without preload_app, and of reloads under load.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.support import processes
from tests.support.launching import Plan, begin, prepared
from tests.support.load import CLIENTS, load
from tests.support.stacks import Stack, reserve
from tests.support.wait import wait_until

REQUESTS = 100_000

# About 100 MB of the objects that applications have. Each request reads twenty of a hundredth of
# them, or of all: to read is to write, for an object counts who refers to it.
APP = """
import os, random, time

time.sleep(float(os.environ.get("IMPORT_TAKES", "0")))
ROWS = [
    {{"id": row, "name": f"name {{row}}", "tags": [f"tag {{row}} {{tag}}" for tag in range(3)]}}
    for row in range({rows})
]

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    rows = ROWS if environ["PATH_INFO"] == "/all" else ROWS[:{rows} // 100]
    found = [random.choice(rows) for _ in range(20)] if rows else []
    return ["".join(row["name"] for row in found).encode()]
"""
ROWS = 155_000


@contextmanager
def application(rows: int) -> Iterator[Path]:
    """Write an application with so many rows."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        Path(folder, "app.py").write_text(APP.format(rows=rows))
        yield Path(folder)


@contextmanager
def stack_of(launcher: str, image: str, app: Path | None, **settings: str) -> Iterator[Stack]:
    """Run a stack."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        stack = begin(prepared(launcher, Plan(settings, app), Path(folder), image))
        try:
            yield stack
        finally:
            stack.close()


def requests(port: int, path: str) -> None:
    """Make the requests."""
    command = ["hey", "-n", str(REQUESTS), "-c", str(CLIENTS), f"http://127.0.0.1:{port}{path}"]
    report = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    assert sum(map(int, re.findall(r"\[200\]\s+(\d+) responses", report))) > REQUESTS * 0.99


def memory(launcher: str, image: str) -> None:
    """Print what applications take with four workers, at the start and after many requests."""
    print(f"\n| {launcher}, an import of 100 MB | PSS, MB | requests for 1 % of it | for all |")
    print("|---|---|---|---|", flush=True)
    with application(ROWS) as app:
        for name, number, preload in (
            ("one worker", "1", "0"),
            ("4 workers, `PRELOAD=0`", "4", "0"),
            ("4 workers, `PRELOAD=auto`", "4", "auto"),
        ):
            settings = {"UWSGI_PROCESSES": number, "PRELOAD": preload, "ACCESS_LOG": "off"}
            with stack_of(launcher, image, app, **settings) as stack:
                row(name, stack.port, partial(stack.processes, "uwsgi"))
        if launcher == "host":
            gunicorn(app)
            gunicorn(app, "--preload")


def gunicorn(app: Path, *options: str) -> None:
    """Print what it takes under gunicorn."""
    with reserve() as reserved:
        port = reserved.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--workers=4", f"--bind=127.0.0.1:{port}"]
    command += [*options, "app:app"]
    with subprocess.Popen(command, cwd=app, stderr=subprocess.DEVNULL) as server:
        try:
            asked = ["curl", "-sf", "-o", "/dev/null", f"127.0.0.1:{port}"]
            wait_until(lambda: subprocess.run(asked).returncode == 0)
            name = f"gunicorn, 4 workers {' '.join(options)}".strip()
            row(name, port, lambda: processes.descending(server.pid))
        finally:
            server.terminate()


def row(name: str, port: int, pids: Callable[[], list[int]]) -> None:
    """Print a row: memory at the start, and after requests of two kinds."""
    taken = [processes.pss(pids())]
    for path in ("/", "/all"):
        requests(port, path)
        taken.append(processes.pss(pids()))
    print(f"| {name} | {' | '.join(f'{each or 0:.0f}' for each in taken)} |", flush=True)


def at_rest(launcher: str, image: str) -> None:
    """Print what all of the stack takes with the example and two workers."""
    for preload in ("0", "auto"):
        with stack_of(launcher, image, None, UWSGI_PROCESSES="2", PRELOAD=preload) as stack:
            for _ in range(20):
                stack.get()
            taken = processes.pss(stack.pids()) or 0
            print(f"| {launcher}, example, 2 workers, `PRELOAD={preload}` | {taken:.0f} MB |")


def first_answer(launcher: str, image: str) -> None:
    """Print how long a start takes with an import of ten seconds, until the first 200."""
    for preload in ("0", "auto"):
        settings = {"UWSGI_PROCESSES": "4", "PRELOAD": preload, "IMPORT_TAKES": "10"}
        with application(0) as app:
            began = time.monotonic()
            with stack_of(launcher, image, app, **settings):
                took = time.monotonic() - began
                print(f"| {launcher}, import of 10 s, `PRELOAD={preload}`, start | {took:.1f} s |")


def reloads(launcher: str, image: str) -> None:
    """Print how long reloads take under load, and what was lost."""
    for takes, times in (("0", 3), ("10", 1)):
        for preload in ("0", "auto"):
            settings = {"UWSGI_PROCESSES": "4", "PRELOAD": preload, "IMPORT_TAKES": takes}
            with application(0) as app, stack_of(launcher, image, app, **settings) as stack:
                with load(stack.port) as quiet:
                    pause(15)
                with load(stack.port) as count:
                    began = time.monotonic()
                    for _ in range(times):
                        reload(stack)
                    took = (time.monotonic() - began) / times
                print(
                    f"| {launcher}, import of {takes} s, `PRELOAD={preload}` | {took:.1f} s | "
                    f"{count.good} | {count.lost + count.unavailable}{count.details} | "
                    f"{count.slowest:.2f} s, {quiet.slowest:.2f} without |",
                    flush=True,
                )


def disturbed(launcher: str, image: str) -> None:
    """Print what twenty reloads lose while masters of uWSGI are killed between and during them."""
    with application(0) as app, stack_of(launcher, image, app, UWSGI_PROCESSES="4") as stack:
        reload(stack)
        before = seen(stack)
        with load(stack.port) as count:
            for number in range(20):
                if number % 4 == 3:  # in the midst of the next reload
                    with ThreadPoolExecutor() as pool:
                        going = pool.submit(stack.run, "./entrypoint.py", "reload")
                        kill_master(stack, 0 if number % 8 == 3 else -1)
                        going.result()
                else:
                    reload(stack)
        stack.wait_until(lambda: len(stack.pids()) == before[0])
        after = seen(stack)
    print(
        f"| {launcher}, 20 reloads, a master killed in every fourth | {count.good} | "
        f"{count.unavailable} x 503, {count.lost} lost{count.details} | {before} | {after} |",
        flush=True,
    )


def kill_master(stack: Stack, which: int) -> None:
    """Kill the oldest of uWSGI's masters, or the youngest."""
    masters: list[int] = stack.wait_until(
        lambda: found if len(found := masters_of(stack)) > 1 else []
    )
    with contextlib.suppress(ProcessLookupError):
        os.kill(masters[which], signal.SIGKILL)


def masters_of(stack: Stack) -> list[int]:
    """List uWSGI's masters, by what the kernel says of who has started them."""
    pids = {*stack.pids()}
    return sorted(
        pid
        for pid in pids
        if processes.name(pid) == "uwsgi" and "worker" not in processes.command(pid)
    )


def seen(stack: Stack) -> tuple[int, int, int]:
    """Count processes, open files of the first, and files below run/."""
    (first,) = (pid for pid in stack.pids() if "stack.supervision" in processes.command(pid))
    files = stack.run("find", "run", "-not", "-path", "run/uwsgi.*").stdout.splitlines()
    return len(stack.pids()), len(list(Path(f"/proc/{first}/fd").iterdir())), len(files)


def reload(stack: Stack) -> None:
    """Reload."""
    answer = stack.run("./entrypoint.py", "reload")
    assert answer.returncode == 0, answer.stderr


def pause(seconds: float) -> None:
    """Let the load go on."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m measurements.preload")
    parser.add_argument("--image", help="the image to measure too")
    parser.add_argument("--only", help="some of: memory, rest, start, reloads, disturbed")
    arguments = parser.parse_args()
    measures = {
        "memory": memory,
        "rest": at_rest,
        "start": first_answer,
        "reloads": reloads,
        "disturbed": disturbed,
    }
    for name in (arguments.only or " ".join(measures)).replace(",", " ").split():
        measures[name]("host", "")
        if arguments.image:
            measures[name]("image", arguments.image)


if __name__ == "__main__":
    main()
