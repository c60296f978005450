"""What a container carries alone, what several do behind the load balancer, and what that costs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.support import processes
from tests.support.compose import Compose
from tests.support.image import docker

SECONDS = 10

HEADER = """
| | requests/s | CPU a request, load balancer | CPU a request, replicas |
|---|---|---|---|"""


def throughput(folder: Path, image: str, lb_image: str) -> None:
    """Print the table; replicas have one worker and one CPU each, and the load is beside them."""
    project = Compose(
        folder, LB_IMAGE=lb_image, APP_IMAGE=image, UWSGI_PROCESSES="1", LB_CPUS="2.0"
    )
    project.allowed.write_text("127.0.0.1\n")
    print(HEADER, flush=True)
    try:
        for replicas in (1, 2, 4):
            project.run("up", "--detach", "--no-recreate", "--scale", f"app={replicas}")
            project.wait_until_healthy(replicas)
            if replicas == 1:
                measure(project, "one container, asked directly", project.names()[0], 80)
            name = f"load balancer, {replicas} replica{'s' * (replicas > 1)}"
            measure(project, name, project.names("lb")[0], 8080)
    finally:
        project.close()


def measure(project: Compose, name: str, target: str, port: int) -> None:
    """Load a container from inside its own network for some seconds, and print a row."""
    balancer, replicas = project.names("lb"), project.names()
    before = cpu(balancer), cpu(replicas)
    inside = ["nsenter", f"--target={main(target)}", "--net", "--"]
    load = ["hey", "-z", f"{SECONDS}s", "-c", "32", f"http://127.0.0.1:{port}/"]
    report = subprocess.run([*inside, *load], capture_output=True, text=True, check=True).stdout
    (good,) = re.findall(r"^\s+\[200\]\s+(\d+) responses", report, re.MULTILINE) or ["0"]
    others = re.findall(r"^\s+\[(?!200)\d+\]\s+.*", report, re.MULTILINE)
    after = cpu(balancer), cpu(replicas)
    costs = [(now - then) / int(good) for now, then in zip(after, before, strict=True)]
    cells = f"{costs[0] * 1e6:.0f} µs | {costs[1] * 1e6:.0f} µs"
    print(f"| {name} | {int(good) / SECONDS:.0f}{others or ''} | {cells} |", flush=True)


def main(container: str) -> int:
    """Find the process of a container that this machine can enter."""
    return int(docker("inspect", "--format={{.State.Pid}}", container).stdout)


def cpu(containers: list[str]) -> float:
    """Add up the CPU time, in seconds, that the processes of containers have used."""
    return sum(processes.cpu(processes.descending(main(each))) for each in containers)
