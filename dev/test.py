"""Run every check that this machine can run: python3 -m dev.test [PYTEST ARGUMENTS].

With IMAGE=... in the environment that image is tested as it is, and nothing is tested on the host.
"""

from __future__ import annotations

import compileall
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev import ROOT, Problem, engine, finish, image, labels, packages, say, venv
from dev.delivery import registry
from dev.packages import Need

TAG = "nginx-python3:test"

# Most of a test is waiting, so more run at once than there are CPUs: with three for each, they have
# nothing to do for a seventh of the time. Tests that share a stack, or something of which the
# machine has one, are a group, and one worker runs it (xdist_group).
AT_ONCE = min(5 * len(os.sched_getaffinity(0)), 24)
PARALLEL = (f"--numprocesses={AT_ONCE}", "--dist=loadgroup")

# What the tests of queues (tests/programs) talk to.
REDIS = Need(
    "redis-server", packages.find("redis-server") is not None, ("redis-server",), ("redis",)
)


def main(arguments: list[str]) -> int:
    """Make ready, build the image if there is an engine, and become pytest."""
    venv.prepare("dev")
    install_proxies()
    packages.ensure([REDIS])
    if os.environ.get("REQUIRE_IMAGE") == "1":  # elsewhere, tests without it are left out
        packages.ensure(
            [
                Need("promtool", packages.find("promtool") is not None, ("prometheus",)),
                Need("systemd-analyze", packages.find("systemd-analyze") is not None, ("systemd",)),
            ]
        )
    given = os.environ.get("IMAGE")
    with byte_code():
        options = options_of(given) if given else image_options()
    os.chdir(ROOT)
    os.execv(venv.PYTHON, [str(venv.PYTHON), "-m", "pytest", *PARALLEL, *options, *arguments])


@contextmanager
def byte_code() -> Iterator[None]:
    """Make meanwhile what each worker, and each of a thousand stacks, would make for itself."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(ROOT / "stack", quiet=1)
    # pytest rewrites the assertions of a file that it imports; it says in the run what is wrong.
    collect = [str(venv.PYTHON), "-m", "pytest", "--collect-only"]
    with subprocess.Popen(collect, cwd=ROOT, stdout=subprocess.DEVNULL):
        yield


def install_proxies() -> None:
    """Install what stands before the stack in some tests; only CI cannot do without."""
    try:
        packages.ensure(packages.to_test())
    except Problem as problem:
        if os.environ.get("REQUIRE_IMAGE") == "1":
            raise
        say(f"tests with proxies are left out: {problem}")


def image_options() -> list[str]:
    """Tell pytest which image to check, or why there is none; CI may not leave it out."""
    try:
        if why := engine.problem():
            raise Problem(why)
        base = image.base()
    except Problem as problem:
        if os.environ.get("REQUIRE_IMAGE") == "1":
            raise Problem(f"REQUIRE_IMAGE=1, and the image cannot be checked: {problem}") from None
        return ["--image-missing", str(problem)]
    packages.ensure(needs())
    image.build(TAG, base)
    return ["--image", TAG, "--base", base.line, "--base-image", base.name]


def options_of(name: str) -> list[str]:
    """Tell pytest to check an image that exists, here or in a registry, and nothing else."""
    if why := engine.problem():
        raise Problem(why)
    if why := image.unobtainable(name):
        raise Problem(f"the image {name} cannot be pulled: {why}")
    packages.ensure(needs())
    options = ["--image", name, "--image-only"]
    of_base = [image.label(name, f"{labels.PREFIX}base.{each}") for each in ("name", "digest")]
    base = "@".join(each for each in of_base if each)
    if base and not image.unobtainable(base):
        options += ["--base-image", base]
    return [*options, "--base", base or "an unknown base"]


def needs() -> list[Need]:
    """Name what the image's tests run besides docker."""
    there = packages.find("docker-registry") is not None
    packed = ("docker-registry",), ("docker-registry",)
    # In no folder of PATH; it is started by nobody but the tests.
    postgres = any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return [
        engine.compose_need(),
        registry.need(),
        Need("docker-registry", there, *packed),
        Need("git", packages.find("git") is not None, ("git",), ("git",)),
        Need("PostgreSQL", postgres, ("postgresql",), ("postgresql",)),
    ]


if __name__ == "__main__":
    finish(main)
