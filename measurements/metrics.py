"""Hold the metrics against what was done: python -m measurements.metrics [PART...].

counts       100,000 requests through reloads and kills: equal to the last one?
hanging      seconds that a scrape and `status` take while workers and masters hang
percentiles  the histogram's against wrk's own
dashboard    two minutes of load and faults under a real Prometheus; draws docs/dashboard.svg
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from measurements import dashboard
from stack.supervision.observation.counting import BOUNDS
from tests.support import processes
from tests.support.background import background
from tests.support.launching import Plan, begin, prepared
from tests.support.scrape import scrape
from tests.support.stacks import ROOT, Stack
from tests.support.traffic import Traffic

NUMBER = 100_000
SETTINGS = {"APP_MODULE": "faults:application", "UWSGI_PROCESSES": "2"}

# For wrk: each request takes something else.
WAITS = """
request = function()
    local waits = {0.01, 0.02, 0.06, 0.15, 0.3, 0.6, 1.5}
    return wrk.format("GET", "/wait/" .. waits[math.random(#waits)])
end
"""


@contextmanager
def running(**settings: str) -> Iterator[Stack]:
    """Run a stack on this host, with an application that can be slow and fail."""
    with tempfile.TemporaryDirectory() as folder:
        gate = {"GATE": f"{folder}/gate"}
        plan = Plan({**SETTINGS, **gate, **settings}, ROOT / "tests/apps/faults")
        stack = begin(prepared("host", plan, Path(folder), ""))
        try:
            yield stack
        finally:
            stack.close()


def counts() -> None:
    """Compare what clients were answered with what was counted, to the last one."""
    with running() as stack:
        traffic = Traffic(stack, clients=8)
        traffic.start(NUMBER)
        done = {"reload": 0, "worker": 0, "nginx": 0, "uwsgi": 0}
        while any(each.is_alive() for each in traffic.threads):
            for fault in done:
                disturb(stack, fault)
                done[fault] += 1
        sent = traffic.finish()
        stack.wait_until(lambda: sum(scrape(stack).kinds().values()) >= sum(sent.values()))
        found = scrape(stack)
        wrong = {key for key in sent | found.kinds() if sent[key] != found.kinds().get(key, 0)}
        print(
            f"counts: {sum(sent.values())} answers of {len(sent)} kinds, {traffic.unanswered} "
            f"without one; {done}; {sum(found.kinds().values())} counted, {len(wrong)} kinds differ"
        )


def disturb(stack: Stack, fault: str) -> None:
    """Have one thing go wrong, and wait until it is mended."""
    if fault == "reload":
        assert stack.run("./entrypoint.py", "reload").returncode == 0
        return
    pids = stack.processes("uwsgi" if fault == "worker" else fault)
    processes.kill(pids[1:2] if fault == "worker" else pids[:1])
    stack.wait_until(lambda: pids[0] not in stack.processes(fault) or fault == "worker")
    stack.wait_until_ready()


def hanging() -> None:
    """Time a scrape and `status` while more and more hangs."""
    with running() as stack:
        waiting = background(stack, "/held", 6)
        stack.wait_until(lambda: scrape(stack)["uwsgi_listen_queue_length"] == 4)
        stopped: list[int] = []
        for what, name in (("workers sleep", ""), ("+ uWSGI's master stopped", "uwsgi"),
                           ("+ nginx's master stopped", "nginx")):  # fmt: skip
            if name:
                stopped.append(stack.processes(name)[0])
                os.kill(stopped[-1], signal.SIGSTOP)
            took = [timed(lambda: scrape(stack)) for _ in range(5)]
            shown = [timed(lambda: stack.run("./entrypoint.py", "status")) for _ in range(5)]
            words = re.findall(
                r"^[A-Z][A-Z ]{3,}(?=  )", stack.run("./entrypoint.py", "status").stdout, re.M
            )
            print(f"hanging: {what}: scrape {max(took):.2f} s, status {max(shown):.2f} s, {words}")
        for each in stopped:
            os.kill(each, signal.SIGCONT)
        Path(stack.settings["GATE"]).touch()
        print("hanging: then", {each.result().status_code for each in waiting})


def timed(function: Callable[[], object]) -> float:
    """Say how many seconds something takes."""
    began = time.monotonic()
    function()
    return time.monotonic() - began


def percentiles() -> None:
    """Compare the histogram's percentiles with those that wrk has measured."""
    with running(UWSGI_PROCESSES="8") as stack, tempfile.NamedTemporaryFile("w") as script:
        script.write(WAITS)
        script.flush()
        options = ["-t1", "-c6", "-d20s", "--latency", "-s", script.name]
        url = f"http://127.0.0.1:{stack.port}"
        report = subprocess.run(["wrk", *options, url], capture_output=True, text=True, check=True)
        time.sleep(2)
        counted = stack.run("./entrypoint.py", "status", "--json").stdout
        found = scrape(stack)
        total = found["nginx_http_request_duration_seconds_count"]
        for percent, text, unit in re.findall(
            r"^ +(\d+)% +([\d.]+)(us|ms|s) *$", report.stdout, re.M
        ):
            theirs = float(text) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]
            ours = next(
                bound
                for bound in BOUNDS
                if found.value("nginx_http_request_duration_seconds_bucket", le=str(bound))
                >= total * int(percent) / 100
            )
            place = next(at for at, bound in enumerate(BOUNDS) if theirs <= bound)
            off = abs(BOUNDS.index(ours) - place)
            print(f"percentiles: p{percent}: wrk {theirs:.3f} s, bucket up to {ours} s, {off} away")
        assert counted


PARTS: dict[str, Callable[[], None]] = {
    "counts": counts,
    "hanging": hanging,
    "percentiles": percentiles,
    "dashboard": lambda: dashboard.main(running, disturb),
}


def main() -> None:
    """Do all parts, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    for part in parser.parse_args().parts or PARTS:
        PARTS[part]()


if __name__ == "__main__":
    main()
