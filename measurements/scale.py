"""Count what it costs to change a service of several replicas, under load, and what they carry.

python -m measurements.scale --image NAME --base-image NAME [WORD...]

Load goes to 127.0.0.1 only: 64 keep-alive clients that GET and 16 that POST (hey).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measurements.faults import APP
from measurements.swarm import POST, nodes
from measurements.throughput import throughput
from tests.support.compose import Compose, build, commands
from tests.support.image import docker
from tests.support.load import counted, load
from tests.support.wait import wait_until

OLD, NEW = "nginx-python3:scale-old", "nginx-python3:scale-new"

HEADER = """
| under load | GET | lost | POST | lost | took |
|---|---|---|---|---|---|"""


def settle(seconds: float) -> None:
    """Let the load go on for a while."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > until, timeout=seconds + 5)


def scale(project: Compose) -> None:
    """Go from 1 to 4 replicas, and back to 2."""
    project.scale(4)
    settle(3)
    project.scale(2)


def kill(project: Compose) -> None:
    """Kill a replica without warning."""
    docker("kill", "--signal=KILL", project.names()[0])
    settle(3)


def stop(project: Compose) -> None:
    """Stop a replica."""
    docker("stop", project.names()[0])
    settle(3)


def update(project: Compose) -> None:
    """Go to a new image, by the commands of the page."""
    project.environ["APP_IMAGE"] = NEW
    more, fewer = commands("### A new image").split("# until all are healthy\n")
    old = " ".join(project.names())
    project.shell(more)
    project.wait_until_healthy(2 * len(old.split()))
    project.shell(f"old={old!r}\n{fewer}")
    assert project.get().text == "new"


def reload(project: Compose) -> None:
    """Change the list three times, and reload all replicas by the commands of the page."""
    gateway = project.gateway
    for text in (gateway, f"{gateway}\n192.0.2.0/24", gateway):
        project.allowed.write_text(text)
        project.shell(commands("### Another list"))


ROWS: dict[str, Callable[[Compose], None]] = {
    "1 → 4 → 2 replicas": scale,
    "one of 3 replicas stopped": stop,
    "one of 3 replicas killed": kill,
    "3 replicas updated to a new image": update,
    "`ALLOWED_FILE` changed, 3 replicas reloaded, x 3": reload,
}


def row(project: Compose, name: str) -> None:
    """Do it under load and print what was lost."""
    project.environ["APP_IMAGE"] = OLD
    replicas = 1 if ROWS[name] is scale else 3
    project.run("up", "--detach", "--scale", f"app={replicas}")
    project.wait_until_healthy(replicas)
    settle(2)
    with load(project.port) as gets, load(project.port, "/received", POST) as posts:
        settle(1)
        began = time.monotonic()
        ROWS[name](project)
        took = time.monotonic() - began
        settle(2)
    print(f"| {name} | {counted(gets)} | {counted(posts)} | {took:.0f} s |", flush=True)


def main() -> None:
    """Print the tables, or some parts of them."""
    parser = argparse.ArgumentParser(prog="python -m measurements.scale")
    parser.add_argument("--image", required=True, help="the image that is replicated")
    parser.add_argument("--base-image", required=True, help="the load balancer's, with nginx")
    parser.add_argument("only", nargs="*", help="throughput, swarm, or a word of a row's name")
    options = parser.parse_args()
    measure(options.image, options.base_image, options.only)


def measure(image: str, lb_image: str, only: list[str]) -> None:
    """Build two versions of an application on the image, and print the tables."""
    build(image, OLD, APP, "old")
    build(image, NEW, APP, "new")
    try:
        with tempfile.TemporaryDirectory() as folder:
            changes(Path(folder), lb_image, only)
        if not only or "throughput" in only:
            with tempfile.TemporaryDirectory() as folder:
                throughput(Path(folder), image, lb_image)
        if not only or "swarm" in only:
            nodes(OLD, NEW, lb_image)
    finally:
        docker("rmi", OLD, NEW)


def changes(folder: Path, lb_image: str, only: list[str]) -> None:
    """Print the rows of compose."""
    chosen = [name for name in ROWS if not only or any(word in name for word in only)]
    if not chosen:
        return
    project = Compose(folder, LB_IMAGE=lb_image, APP_IMAGE=OLD)
    print(HEADER, flush=True)
    try:
        for name in chosen:
            row(project, name)
    finally:
        project.close()


if __name__ == "__main__":
    main()
