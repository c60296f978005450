"""Count what each fault costs, under steady load: python -m measurements.faults [--image NAME].

Prints a table for this host, and one for the image; each fault has a load of its own
(tests/support/load.py).
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from measurements import queues
from tests.support import processes
from tests.support.certificates import Certificates
from tests.support.launching import Plan, prepared
from tests.support.load import CLIENTS, Count, Probe, busy, load
from tests.support.stacks import ROOT, Stack
from tests.support.wait import wait_until

APP = ROOT / "tests/apps/faults"
SETTINGS = {"APP_MODULE": "faults:application", "UWSGI_PROCESSES": "2"}
LISTS: dict[Stack, Path] = {}  # where each stack reads whom it allows
CERTIFICATES: dict[Stack, Certificates] = {}  # what those with TLS serve
RENEWALS = "certificate renewed x 20, by TLS"

HEADER = """
| fault ({}) | sent | 2xx | 503 | lost | serving again |
|---|---|---|---|---|---|"""


def stop(stack: Stack) -> None:
    """Stop with a request of 3 s in flight."""
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(stack.get, "/wait/3.0")
        probe = "/wait/3.0 is in flight once its connection is"
        wait_until(lambda: busy(stack.port) > CLIENTS, report=lambda: probe)
        stack.signal(signal.SIGTERM)
        assert slow.result().status_code == 200, "the request in flight was lost"
    assert stack.wait_until_gone() == 0


def reload(stack: Stack) -> None:
    """Reload twenty times."""
    for _ in range(20):
        answer = stack.run("./entrypoint.py", "reload")
        assert answer.returncode == 0, answer.stderr


def change(stack: Stack) -> None:
    """Change the list in ALLOWED_FILE ten times."""
    lists = ("127.0.0.1", "127.0.0.0/8;::1")
    for text in lists * 5:
        LISTS[stack].write_text(text)
        answer = stack.run("./entrypoint.py", "reload")
        assert answer.returncode == 0, answer.stderr


def renew(stack: Stack) -> None:
    """Renew the certificate twenty times, as supervisord does once files have changed."""
    python = "python" if stack.launcher == "host" else "/opt/venv/bin/python3"
    pair = CERTIFICATES[stack]
    for _ in range(20):
        new = ssl.PEM_cert_to_DER_cert(pair.write().cert_chain_pems[0].bytes().decode())
        answer = stack.run(python, "-m", "stack.commands.renew")
        assert answer.returncode == 0, answer.stderr
        stack.wait_until(lambda new=new: pair.served(stack.tls_port) == new)


def restart(stack: Stack) -> None:
    """Restart the application server by hand."""
    stack.run("supervisorctl", "restart", "uwsgi")


def kill(program: str, which: int) -> Callable[[Stack], None]:
    """Make a fault that kills a master (0) or a worker (-1)."""

    def fault(stack: Stack) -> None:
        victim = stack.processes(program)[which]
        os.kill(victim, signal.SIGKILL)
        stack.wait_until(lambda: victim not in stack.processes(program))
        settle = time.monotonic() + 4
        stack.wait_until(lambda: time.monotonic() > settle)

    return fault


def kill_own(which: int) -> Callable[[Stack], None]:
    """Make a fault that kills the operator's own program (0), or what that has started (1)."""

    def fault(stack: Stack) -> None:
        victims = own(stack)
        os.kill(victims[which], signal.SIGKILL)
        # Without its child it goes on; without itself both are started anew.
        left = 0 if which == 0 else 1
        stack.wait_until(lambda: len({*victims} & {*own(stack)}) == left)
        stack.wait_until(lambda: len(own(stack)) == len(victims) - which)

    return fault


def own(stack: Stack) -> list[int]:
    """List the processes of the operator's own program, the first one first."""
    return sorted(pid for pid in stack.pids() if "worker.py" in processes.command(pid))


UNDER_LOAD: dict[str, Callable[[Stack], None]] = {
    "stop, a 3 s request in flight": stop,
    "reload x 20": reload,
    "`ALLOWED_FILE` changed and reloaded x 10": change,
    RENEWALS: renew,
    "`supervisorctl restart uwsgi`": restart,
    "kill -9 uWSGI worker": kill("uwsgi", -1),
    "kill -9 uWSGI master": kill("uwsgi", 0),
    "kill -9 nginx worker": kill("nginx", -1),
    "kill -9 nginx master": kill("nginx", 0),
    "kill -9 own program": kill_own(0),
    "kill -9 child of own program": kill_own(1),
}


def under_load(stack: Stack, name: str) -> None:
    """Cause a fault under load and print its row."""
    fault = UNDER_LOAD[name]
    settled(stack)
    port, scheme = (stack.tls_port, "https") if fault is renew else (stack.port, "http")
    with load(port, scheme=scheme) as count:
        probe = None if fault in (stop, reload, change, renew) else Probe(stack)
        began = time.monotonic()
        fault(stack)
        took = time.monotonic() - began
    if fault is stop:
        forgive(count, stack)
    again = f"{probe.outage(began):.2f} s" if probe else f"took {took:.1f} s"
    sent = count.good + count.unavailable + count.lost
    lost = f"{count.lost}{count.details and f' ({count.details.strip()})'}"
    print(
        f"| {name} | {sent} | {count.good} | {count.unavailable} | {lost} | {again} |", flush=True
    )


def settled(stack: Stack) -> None:
    """Start a stack and wait until supervisord, too, takes it for running."""
    stack.start()
    stack.wait_until_ready()
    stack.wait_until(lambda: not_running(stack) == [])


def not_running(stack: Stack) -> list[str]:
    """Find the programs that supervisord does not take for running."""
    lines = stack.run("supervisorctl", "status").stdout.splitlines()
    return [line for line in lines if "RUNNING" not in line]


def forgive(count: Count, stack: Stack) -> None:
    """Take out the connections that nginx had not accepted when its port was closed.

    The kernel resets them. What nginx accepted is in its log: if that is what the clients got
    answers to, none of the connections that were cut was an accepted one.
    """
    accepted = len(stack.lines('"GET / HTTP/1.1"', "hey/"))
    lost = accepted - count.good - count.unavailable
    count.details = f"{count.cut - lost} more were not accepted" if count.cut > lost else ""
    count.lost += lost - count.cut


def idle_stop(stack: Stack) -> None:
    """Print how long a stop takes without work."""
    settled(stack)
    ended(stack, "stop when idle", signal.SIGTERM)


def early_stop(stack: Stack, delay: float) -> None:
    """Print how long a stop takes that comes soon after the start."""
    stack.start()
    threading.Event().wait(delay)
    ended(stack, f"TERM {delay} s after the start", signal.SIGTERM)


def broken(stack: Stack) -> None:
    """Print how an application ends that does not import."""
    stack.start()
    ended(stack, "application that does not import", None)


def ended(stack: Stack, name: str, number: signal.Signals | None) -> None:
    """Print how a stack ends, by itself or by a signal."""
    began = time.monotonic()
    if number:
        stack.signal(number)
    status = stack.wait_until_gone()
    took = time.monotonic() - began
    print(f"| {name} | - | - | - | - | status {status} in {took:.1f} s |", flush=True)


def table(launcher: str, image: str) -> None:
    """Print all rows of one launcher."""
    print(HEADER.format(launcher))
    for name in UNDER_LOAD:
        with fresh(
            launcher, image, own_program="own program" in name, tls=name == RENEWALS
        ) as stack:
            under_load(stack, name)
    with fresh(launcher, image) as stack:
        idle_stop(stack)
    for delay in (0.05, 0.1, 0.3, 1.0):
        with fresh(launcher, image) as stack:
            early_stop(stack, delay)
    with fresh(launcher, image, APP_MODULE="faults:no_such_callable") as stack:
        broken(stack)
    queues.table(launcher, image)


def with_program(folder: Path) -> Path:
    """Make a configuration with a program of the operator's own, that starts another process."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    command = f"python3 {folder}/worker.py"
    text = f"[program:worker]\ncommand = {command}\nstart_at_once = true\n"
    (folder / "conf/supervisor.d/worker.conf").write_text(text)
    (folder / "worker.py").write_text("import os, signal\nos.fork()\nsignal.pause()\n")
    return folder / "conf"


@contextmanager
def fresh(
    launcher: str, image: str, own_program: bool = False, tls: bool = False, **settings: str
) -> Iterator[Stack]:
    """Make a stack of the application for faults, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        settings["ALLOWED_FILE"] = f"{folder}/list"
        certificates = Certificates(Path(folder) / "tls")
        if tls:
            certificates.write()
            settings |= certificates.settings()
        conf = with_program(Path(folder)) if own_program else None
        options = (f"--volume={folder}:{folder}:ro",)
        plan = Plan(SETTINGS | settings, APP, conf, options)
        stack = prepared(launcher, plan, Path(folder), image)
        CERTIFICATES[stack] = certificates
        LISTS[stack] = Path(folder) / "list"
        LISTS[stack].write_text("127.0.0.0/8")
        try:
            yield stack
        finally:
            stack.close()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m measurements.faults")
    parser.add_argument("--image", help="the image to count for too")
    image = parser.parse_args().image
    table("host", "")
    if image:
        table("image", image)


if __name__ == "__main__":
    main()
