"""deploy/swarm.yaml on one node and on two, each an engine of our own in a network of its own."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.support.engines import Engine, tasks, two
from tests.support.load import counted, load
from tests.support.stacks import ROOT, fail
from tests.support.wait import wait_until

FILE = ROOT / "deploy/swarm.yaml"
PORT = 8080
POST = ("-m", "POST", "-c", "16", "-d", "x=1")
HEADER = """
| swarm, under load | GET | lost | POST | lost | took |
|---|---|---|---|---|---|"""


def deploy(manager: Engine, folder: Path, **variables: str) -> None:
    """Deploy the stack, by the command of the page."""
    answer = subprocess.run(
        ["docker", "--host", manager.socket, "stack", "deploy", "--compose-file", FILE, "web"],
        env=manager.environ() | {"ALLOWED_FOLDER": str(folder), **variables},
        capture_output=True, text=True,
    )  # fmt: skip
    if answer.returncode:
        fail(answer.stdout + answer.stderr)


def settled(manager: Engine, replicas: int) -> bool:
    """Say whether all tasks run and no update is under way."""
    states = [task["CurrentState"].split()[0] for task in tasks(manager, "web_app")]
    state = manager.docker(
        "service", "inspect", "--format={{with .UpdateStatus}}{{.State}}{{end}}", "web_app"
    )
    return states == ["Running"] * replicas and state in ("", "completed")


def asked(engine: Engine, path: str = "/", server: str = "127.0.0.1", *headers: str) -> str:
    """Ask a load balancer from an engine's machine: the body, a blank, the status."""
    command = ["curl", "-s", "-m", "5", "-w", " %{http_code}", f"http://{server}:{PORT}{path}"]
    command += [word for header in headers for word in ("-H", header)]
    return subprocess.run([*engine.inside(), *command], capture_output=True, text=True).stdout


def row(engine: Engine, name: str, change: Callable[[], None]) -> None:
    """Change something while an engine's load balancer is under load, and print what was lost."""
    inside = tuple(engine.inside())
    gets, posts = load(PORT, "/", (), inside), load(PORT, "/received", POST, inside)
    with gets as got, posts as posted:
        began = time.monotonic()
        change()
        took = time.monotonic() - began
        until = time.monotonic() + 3
        wait_until(lambda: time.monotonic() > until)
    print(f"| {name} | {counted(got)} | {counted(posted)} | {took:.0f} s |", flush=True)


def nodes(old: str, new: str, lb_image: str) -> None:
    """Print what a swarm loses, of one node and of two."""
    with tempfile.TemporaryDirectory(prefix="np3-") as folder, two(Path(folder)) as (a, b):
        lists = Path(folder) / "allowed"
        lists.mkdir()
        (lists / "list").write_text("172.16.0.0/12\n")
        images = {"APP_IMAGE": old, "LB_IMAGE": lb_image}
        for engine in (a, b):
            engine.load(old, new, lb_image)
        a.docker("swarm", "init", f"--advertise-addr={a.address}")
        a.docker("secret", "create", "secret_key", f"{FILE}")
        deploy(a, lists, **images)
        wait_until(lambda: settled(a, 3) and asked(a) == "old 200", timeout=90)
        print(HEADER, flush=True)
        assert asked(b, "/client", a.address, "X-Forwarded-For: 172.16.0.1").endswith(" 403")
        one(a, lists, images, new)
        token = a.docker("swarm", "join-token", "--quiet", "worker")
        b.docker(
            "swarm", "join", f"--advertise-addr={b.address}", "--token", token, f"{a.address}:2377"
        )
        both(a, b, lists, images | {"APP_IMAGE": new}, old)


def one(a: Engine, lists: Path, images: dict[str, str], new: str) -> None:
    """Scale, update and close a swarm of one node."""

    def scale() -> None:
        for replicas in (5, 2, 3):
            a.docker("service", "scale", f"web_app={replicas}")
            wait_until(partial(settled, a, replicas), timeout=90)

    def update() -> None:
        deploy(a, lists, **images | {"APP_IMAGE": new})
        wait_until(lambda: settled(a, 3) and asked(a) == "new 200", timeout=120)

    def change() -> None:
        (lists / "list").write_text("172.16.0.0/12\n10.99.77.2\n")
        deploy(a, lists, **images | {"APP_IMAGE": new, "ALLOWED_VERSION": "2"})
        wait_until(lambda: settled(a, 3), timeout=120)

    row(a, "one node, 3 → 5 → 2 → 3 replicas", scale)
    row(a, "one node, 3 replicas updated to a new image", update)
    row(a, "one node, the config `allowed` replaced", change)


def both(a: Engine, b: Engine, lists: Path, images: dict[str, str], old: str) -> None:
    """Spread over two nodes, update, and lose one."""
    images |= {"ALLOWED_VERSION": "2", "REPLICAS": "4"}
    deploy(a, lists, **images)
    wait_until(lambda: settled(a, 4) and asked(b) == "new 200", timeout=120)
    assert here(a), "no replica is on the first node"
    assert here(b), "no replica is on the second node"

    # Another machine comes with its own address, and nobody with one that a header names.
    assert asked(b, "/client", a.address) == f"{b.address} 200"
    lie = "X-Forwarded-For: 192.0.2.1"
    assert asked(b, "/client", a.address, lie) == f"{b.address} 200"

    def update() -> None:
        deploy(a, lists, **images | {"APP_IMAGE": old})
        wait_until(lambda: settled(a, 4) and asked(b) == "old 200", timeout=150)

    def lose() -> None:
        b.lose()
        wait_until(lambda: len(here(a)) == 4, timeout=120)

    row(a, "two nodes, 4 replicas updated to a new image", update)
    held = len(here(b))
    row(a, f"two nodes, the one with {held} of 4 replicas lost", lose)
    assert asked(a) == "old 200"


def here(engine: Engine) -> list[str]:
    """List the replicas that run on a node."""
    label = "label=com.docker.swarm.service.name=web_app"
    return engine.docker("ps", "--quiet", "--filter", label, "--filter=health=healthy").split()
